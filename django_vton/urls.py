"""All doors, under the shop's prefix: `path("try-on/", include("django_vton.urls"))`."""

from django.urls import URLPattern

app_name = "vton"

urlpatterns: list[URLPattern] = []
