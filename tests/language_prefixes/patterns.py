"""The URL patterns that these URLconfs share."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from shop import api

shop: list[URLPattern | URLResolver] = [path("", include("shop.urls")), path("api/", api.page, name="api")]
try_on = path("try-on/", include("django_vton.urls"))
others = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
