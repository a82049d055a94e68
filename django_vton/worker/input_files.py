"""Check the files of a try-on before its paid submit, since a row is no proof that its file exists.

The job checks them after its claim and before it opens a socket. The claim itself holds locks, so it must not
wait for a remote storage, and a submit that was not sent costs nothing.
"""

from __future__ import annotations

from django.db.models.fields.files import FieldFile

from ..exceptions import Refused
from ..gateway import links
from ..health.storage import record_missing_file
from ..intake import product_images
from ..intake.product_files import UnusableImage
from ..models import PersonPhoto, TryOnRequest
from ..storage import is_missing
from ..utils import clock

PHOTO_GONE = "photo_gone"
PRODUCT_IMAGE_GONE = "product_image_gone"


class NotSendable(Exception):  # noqa: N818 - it says what happened
    """A file cannot be sent. With a `code`, the try-on fails. Without one, the submit is repeated later."""

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code


def require_photo(stored: FieldFile) -> None:
    """Raise `NotSendable` if the file of the photo is missing or cannot be looked up."""
    if not has_file(stored):
        raise NotSendable(f"the file of the photo is missing: {stored.name}", PHOTO_GONE)


def has_file(stored: FieldFile) -> bool:
    """Return whether the file exists. Raise `NotSendable` if the storage fails."""
    try:
        return not is_missing(stored)
    except Exception as error:  # noqa: BLE001 - a shop's storage may raise any exception
        raise _storage_failed(error) from None


def read_base64(stored: FieldFile) -> str:
    """Return the file as Base64. Raise `NotSendable` if the storage fails."""
    try:
        return links.as_base64(stored)
    except Exception as error:  # noqa: BLE001 - as above
        raise _storage_failed(error) from None


def _storage_failed(error: Exception) -> NotSendable:
    # Only the type: the messages of remote storages may contain URLs.
    return NotSendable(f"the private storage failed: {type(error).__name__}")


def restore_product_image(request: TryOnRequest) -> None:
    """Prepare the missing product image again, which uses the database. Raise `NotSendable` if it fails."""
    image = request.product_image
    assert image is not None
    image.refresh_from_db(fields=["file"])
    if has_file(image.file):
        return  # Another job has just prepared it.
    try:
        product_images.restore(image, request.product)
    except (UnusableImage, Refused) as problem:
        text = f"the file of the product image is missing, and cannot be prepared again: {problem}"
        is_temporary = isinstance(problem, Refused) and problem.code == "unavailable"
        raise NotSendable(text, None if is_temporary else PRODUCT_IMAGE_GONE) from None


def record_gone(request: TryOnRequest, code: str) -> None:
    """Record a missing file for staff. Let a shopper's photo expire, so that it is not offered again."""
    photo, product_image = request.photo, request.product_image
    if code == PHOTO_GONE and photo is not None:
        record_missing_file(photo.file.name)
        own = PersonPhoto.objects.filter(pk=photo.pk, kind=PersonPhoto.Kind.OWN)
        own.filter(expires_at__gt=clock.now()).update(expires_at=clock.now())
    elif product_image is not None:
        record_missing_file(product_image.file.name)
