"""The shopper's photos, consent and data."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from ... import privacy
from ...exceptions import Refused
from ...models import PersonPhoto
from ...shoppers import SESSION_KEY
from .base import ApiView
from .serializers import PhotosSerializer


class PhotoListView(ApiView):
    """`GET api/photos/`."""

    def get(self, request: Request) -> Response:
        """List the shopper's reusable photos and the house models."""
        photos = PersonPhoto.objects.reusable_by(self.shopper)
        house_models = PersonPhoto.objects.active_house_models()
        return Response(PhotosSerializer({"photos": photos, "house_models": house_models}).data)


class PhotoDetailView(ApiView):
    """`DELETE api/photos/{id}/`."""

    def delete(self, request: Request, pk: UUID) -> Response:
        """Erase one of the shopper's own photos and cancel the running try-ons that need it."""
        shopper = self.shopper
        # Never filter by None, which would match house models and photos whose owner was erased.
        photo = None if shopper is None else shopper.photos.filter(pk=pk).first()
        if photo is None:
            raise Refused("not_found")
        privacy.delete_photo(photo)
        return Response(status=204)


class ShopperView(ApiView):
    """`GET` and `DELETE api/me/`."""

    def get(self, request: Request) -> Response:
        """Export everything that is stored about the caller."""
        return Response(privacy.export_shopper(self.shopper))

    def delete(self, request: Request) -> Response:
        """Erase everything that is stored about the caller."""
        shopper = self.shopper
        if shopper is not None:
            privacy.erase_shopper(shopper)
        session = getattr(request._request, "session", None)
        if session is not None and SESSION_KEY in session:
            del session[SESSION_KEY]
        return Response(status=204)


class ConsentView(ApiView):
    """`DELETE api/consent/`."""

    def delete(self, request: Request) -> Response:
        """Withdraw the consent and erase the shopper's own photos."""
        shopper = self.shopper
        if shopper is not None:
            privacy.withdraw_consent(shopper)
        return Response(status=204)
