"""The example shop with a second admin site, whose product admin has the mixin."""

from django.contrib import admin
from django.urls import path

from config.urls import urlpatterns as shop_urls
from django_vton.admin import TryOnAdminMixin
from shop.models import Product


class ProductAdmin(TryOnAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    list_display = ["name", "is_public"]
    list_editable = ["is_public"]


second_site = admin.AdminSite(name="second")
second_site.register(Product, ProductAdmin)

urlpatterns = [*shop_urls, path("second/", second_site.urls)]
