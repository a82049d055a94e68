"""The URLs of the example shop, and what the documentation of a theme tells a shop to add."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config.urls import urlpatterns as shop_urls
from shop.admin import ProductAdmin
from shop.models import Product

if settings.THEME == "grappelli":
    urlpatterns = [path("grappelli/", include("grappelli.urls")), *shop_urls]

elif settings.THEME == "unfold":
    from unfold.admin import ModelAdmin

    class UnfoldProductAdmin(ProductAdmin, ModelAdmin):
        pass

    admin.site.unregister(Product)
    admin.site.register(Product, UnfoldProductAdmin)
    urlpatterns = [path("admin/", admin.site.urls), *shop_urls]

else:
    urlpatterns = shop_urls
