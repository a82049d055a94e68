"""The URLs of the package: `path("try-on/", include("django_vton.urls"))`."""

from django.urls import include, path

from .web import files, metrics, pages, webhooks
from .web.dialog import dialog

app_name = "vton"

urlpatterns = [
    path("api/", include("django_vton.web.api.urls")),
    path("images/<uuid:pk>/", files.image, name="image"),
    path("photos/<uuid:pk>/", files.photo, name="photo-file"),
    path("files/<str:token>/", files.vendor_file, name="vendor-file"),
    path("webhooks/pixazo/<str:token>/", webhooks.callback, name="callback"),
    path("metrics/", metrics.metrics, name="metrics"),
    path("dialog/", dialog, name="dialog"),
    path("try/<path:product>/", pages.tryon_form, name="try"),
    path("phone/<str:token>/", pages.phone, name="phone-page"),
    path("r/<uuid:pk>/", pages.result, name="result"),
    path("mine/", pages.history, name="history"),
    path("privacy/", pages.privacy_policy, name="privacy"),
]
