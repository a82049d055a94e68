from django.contrib import admin

from django_vton.admin import TryOnAdminMixin
from shop.models import Product, ProductPhoto


class ProductPhotoInline(admin.TabularInline):  # type: ignore[type-arg]  # Only generic in the stubs.
    model = ProductPhoto
    extra = 0


@admin.register(Product)
class ProductAdmin(TryOnAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # See above.
    list_display = ["name", "kind", "price", "is_public"]
    list_filter = ["kind", "is_public"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [ProductPhotoInline]
