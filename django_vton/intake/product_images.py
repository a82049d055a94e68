"""Product pictures: read from the shop's storage, brought to what the vendor takes, and kept."""

from __future__ import annotations

import hashlib
import io
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile, File
from django.db import IntegrityError, transaction
from django.db.models.fields.files import FieldFile
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ..exceptions import Refused
from ..images import PRODUCT_BYTES, ImageRefused, product_image
from ..models import ProductImage
from ..storage import delete_file

if TYPE_CHECKING:
    from ..products import Described

logger = logging.getLogger(__name__)

KNOWN_SECONDS = 60
"""So long is it known that a file can be used, or that it cannot, without reading it again."""

USE_NOTED = timedelta(hours=1)
"""So old is the time of the last use at most: not each look at a product is a write."""


def prepare(described: Described) -> ProductImage:
    """The product's picture, ready for the vendor. Raises Refused where it has none that can be used.

    The shopper hears only that the product cannot be tried on; why is for the merchant: `problem_of`.
    """
    picture = _prepare(described)
    if isinstance(picture, str) or picture.problem:
        raise Refused("product_not_enabled", field="product")
    return picture


def require_usable(described: Described) -> None:
    """As `prepare` for those who only look: by what was found within the last minute, without its file."""
    key = _key(described)
    is_usable = cache.get(key) if key else None
    if is_usable is None:
        prepare(described)
    elif not is_usable:
        raise Refused("product_not_enabled", field="product")


def problem_of(described: Described) -> str:
    """Why the product's picture cannot be used, in words for the merchant; "" if it can."""
    picture = _prepare(described)
    return picture if isinstance(picture, str) else picture.problem


def _prepare(described: Described) -> ProductImage | str:
    """The prepared picture, or why there is no file to prepare one from. The next ones who look know it."""
    picture = _look(described)
    if (key := _key(described)) is None:
        return picture
    if isinstance(picture, str):
        cache.delete(key)  # The storage may be back at any moment.
    else:
        cache.set(key, not picture.problem, KNOWN_SECONDS)
    return picture


def _key(described: Described) -> str | None:
    """Names a stored file of a product in the cache; None for one that is in memory alone."""
    image = described.image
    if not isinstance(image, FieldFile) or not image.name or not getattr(image, "_committed", True):
        return None
    name = hashlib.sha256(f"{described.ref}\0{image.name}".encode()).hexdigest()
    return f"vton.picture.{name}"


def _look(described: Described) -> ProductImage | str:
    image = described.image
    if image is None:
        return _("This product has no picture.")
    try:
        data = _read(image)
    except Exception as error:  # noqa: BLE001 - a shop's storage raises what it likes, and a file may be gone
        logger.warning("The picture of %s cannot be read: %r", described.ref, error)
        return _("The file of the product picture cannot be read.")
    digest = hashlib.sha256(data).hexdigest()
    row, now = ProductImage.objects.filter(source_digest=digest).first(), timezone.now()
    if row is not None and row.used_at < now - USE_NOTED:
        # The purge takes what was not used for a week: at this very moment, perhaps.
        if not ProductImage.objects.filter(pk=row.pk).update(used_at=now):
            row = None
        else:
            row.used_at = now
    return row or _store(described.ref, digest, data)


def _read(image: File[Any]) -> bytes:
    """The bytes of the shop's file, which is left as it was found, open or closed."""
    if not isinstance(image, File):
        raise TypeError(f"get_image() has to return a Django File, not {type(image).__name__}")
    if isinstance(image, FieldFile) and image.name and getattr(image, "_committed", True):
        with image.storage.open(image.name, "rb") as source:
            return bytes(source.read(PRODUCT_BYTES + 1))
    if image.closed:
        with image.open("rb") as source:
            return bytes(source.read(PRODUCT_BYTES + 1))
    position = image.tell()
    image.seek(0)
    try:
        return bytes(image.read(PRODUCT_BYTES + 1))
    finally:
        image.seek(position)


def _store(ref: str, digest: str, data: bytes) -> ProductImage:
    row = ProductImage(source_digest=digest, product=ref)
    try:
        picture = product_image(io.BytesIO(data))
    except ImageRefused as refusal:
        with translation.override(settings.LANGUAGE_CODE):
            row.problem = str(refusal.message)  # The merchant reads it, whoever the shopper is.
        logger.warning("The picture of %s cannot be tried on: %s", ref, row.problem)
    else:
        row.digest, row.width, row.height = picture.digest, picture.width, picture.height
        row.file.save(f"product.{picture.extension}", ContentFile(picture.data), save=False)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Somebody prepared the same picture at the same time: theirs stays.
        delete_file(row.file)
        return ProductImage.objects.get(source_digest=digest)
    return row
