"""The shop's addresses without those of the schema."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("shop.urls")),
    path("try-on/", include("django_vton.urls")),
    path("admin/", admin.site.urls),
]
