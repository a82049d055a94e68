"""The example shop's URLs without the views that need drf-spectacular."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("shop.urls")),
    path("try-on/", include("django_vton.urls")),
    path("admin/", admin.site.urls),
]
