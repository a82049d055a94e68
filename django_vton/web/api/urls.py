"""The API's addresses, under `api/`, in the namespace of `django_vton.urls`."""

from django.urls import path, re_path

from . import phone, shopper, tryons

urlpatterns = [
    path("start/", shopper.Start.as_view(), name="start"),
    path("try-ons/", tryons.TryOns.as_view(), name="tryons"),
    path("try-ons/<uuid:pk>/", tryons.TryOn.as_view(), name="tryon"),
    path("try-ons/<uuid:pk>/cancel/", tryons.Cancel.as_view(), name="cancel"),
    path("try-ons/<uuid:pk>/feedback/", tryons.Feedback.as_view(), name="feedback"),
    path("photos/", shopper.Photos.as_view(), name="photos"),
    path("photos/<uuid:pk>/", shopper.Photo.as_view(), name="photo"),
    path("me/", shopper.Me.as_view(), name="me"),
    path("consent/", shopper.Consent.as_view(), name="consent"),
    path("phone/", phone.PhoneLinks.as_view(), name="phone"),
    path("phone/<uuid:pk>/", phone.PhoneLinkStatus.as_view(), name="phone-link"),
    path("phone/<uuid:pk>/code.svg", phone.PhoneCode.as_view(), name="phone-code"),
    # Only with a slash at the end, so that Django goes on to add a missing one to those above.
    re_path(r"^(?:.*/)?$", shopper.Nowhere.as_view()),
]
