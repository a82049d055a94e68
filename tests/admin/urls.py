"""The example shop with a second admin, whose product admin has the mixin."""

from django.contrib import admin
from django.urls import path

from config.urls import urlpatterns as shop_urls
from django_vton.admin import TryOnAdminMixin
from shop.models import Product


class ProductDesk(TryOnAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    list_display = ["name", "is_public"]
    list_editable = ["is_public"]


desk = admin.AdminSite(name="desk")
desk.register(Product, ProductDesk)

urlpatterns = [*shop_urls, path("desk/", desk.urls)]
