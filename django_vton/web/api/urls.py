"""The API's URLs, under `api/` in the namespace of `django_vton.urls`."""

from django.urls import path, re_path

from . import base, phone_links, shopper, start, tryons

urlpatterns = [
    path("start/", start.StartView.as_view(), name="start"),
    path("try-ons/", tryons.TryOnListView.as_view(), name="tryons"),
    path("try-ons/<uuid:pk>/", tryons.TryOnDetailView.as_view(), name="tryon"),
    path("try-ons/<uuid:pk>/cancel/", tryons.TryOnCancelView.as_view(), name="cancel"),
    path("try-ons/<uuid:pk>/feedback/", tryons.TryOnFeedbackView.as_view(), name="feedback"),
    path("photos/", shopper.PhotoListView.as_view(), name="photos"),
    path("photos/<uuid:pk>/", shopper.PhotoDetailView.as_view(), name="photo"),
    path("me/", shopper.ShopperView.as_view(), name="me"),
    path("consent/", shopper.ConsentView.as_view(), name="consent"),
    path("phone/", phone_links.PhoneLinkListView.as_view(), name="phone"),
    path("phone/<uuid:pk>/", phone_links.PhoneLinkDetailView.as_view(), name="phone-link"),
    path("phone/<uuid:pk>/code.svg", phone_links.PhoneLinkCodeView.as_view(), name="phone-code"),
    # Only with a slash at the end, so that Django still appends a missing one to the URLs above.
    re_path(r"^(?:.*/)?$", base.NotFoundView.as_view()),
]
