from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.templatetags.static import static as static_url
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView

from shop import api

urlpatterns = [
    path("", include("shop.urls")),
    path("try-on/", include("django_vton.urls")),
    path("api/", api.page, name="api"),
    path("api/schema.json", SpectacularJSONAPIView.as_view(), name="schema"),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    # For pages without the shop's base template, such as the admin.
    path("favicon.ico", RedirectView.as_view(url=static_url("shop/icon.svg"))),
    # Product images, only with DEBUG; otherwise the web server serves them.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
