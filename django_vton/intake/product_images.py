"""Read product images from the shop's storage, convert them for the vendor, and store them."""

from __future__ import annotations

import hashlib
import io
import logging
from datetime import timedelta
from typing import Any, TypeGuard

from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile, File
from django.db import IntegrityError, transaction
from django.db.models.fields.files import FieldFile
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ..exceptions import Refused
from ..images import ImageRefused, normalize_product_image
from ..images.limits import PRODUCT_BYTES
from ..models import ProductImage
from ..products import DescribedProduct
from ..storage import delete_file

logger = logging.getLogger(__name__)

CACHE_SECONDS = 60
"""The time for which the cache remembers whether a file is usable, so that page views do not read it."""

USED_AT_PRECISION = timedelta(hours=1)
"""The minimum time between two updates of `used_at`, so that not every page view writes to the database."""


def prepare(described: DescribedProduct) -> ProductImage:
    """Return the product's image, ready for the vendor. Raise `Refused` if the product has no usable image.

    The refusal does not tell shoppers why. `describe_problem` tells the merchant.
    """
    image = _find_or_convert(described)
    if isinstance(image, str) or image.problem:
        raise Refused("product_not_enabled", field="product")
    return image


def require_usable(described: DescribedProduct) -> None:
    """Like `prepare`, but rely on the cache, so that page views need not read the file."""
    key = _cache_key(described)
    is_usable = cache.get(key) if key else None
    if is_usable is None:
        prepare(described)
    elif not is_usable:
        raise Refused("product_not_enabled", field="product")


def describe_problem(described: DescribedProduct) -> str:
    """Return a text for the merchant: why the product's image cannot be used. Return "" if it is usable."""
    image = _find_or_convert(described)
    return image if isinstance(image, str) else image.problem


def _find_or_convert(described: DescribedProduct) -> ProductImage | str:
    """Return the image's row, or a text why its file cannot be read. Cache whether the image is usable."""
    try:
        data = _read(described.image) if described.image else None
    except Exception as error:  # noqa: BLE001 - a storage may raise anything, and the file may be missing
        logger.warning("The image of %s cannot be read: %r", described.ref, error)
        if key := _cache_key(described):
            cache.delete(key)  # The storage may work again at any moment.
        return _("The file of the product picture cannot be read.")
    if data is None:
        return _("This product has no picture.")
    row = _find(digest := hashlib.sha256(data).hexdigest()) or _convert(described.ref, digest, data)
    if key := _cache_key(described):
        cache.set(key, not row.problem, CACHE_SECONDS)
    return row


def _cache_key(described: DescribedProduct) -> str | None:
    image = described.image
    if image is None or not _is_stored(image):
        return None
    name = hashlib.sha256(f"{described.ref}\0{image.name}".encode()).hexdigest()
    return f"vton.product_image.{name}"


def _is_stored(image: File[Any]) -> TypeGuard[FieldFile]:
    return isinstance(image, FieldFile) and bool(image.name and getattr(image, "_committed", True))


def _read(image: File[Any]) -> bytes:
    """Return the bytes of the shop's file, and leave it as it was: open at its position, or closed."""
    if not isinstance(image, File):
        raise TypeError(f"get_image() must return a Django File, not {type(image).__name__}")
    if _is_stored(image):
        source = image.storage.open(str(image.name), "rb")
    elif image.closed:
        source = image.open("rb")
    else:
        return _read_open(image)
    with source:
        return bytes(source.read(PRODUCT_BYTES + 1))


def _read_open(image: File[Any]) -> bytes:
    position = image.tell()
    image.seek(0)
    try:
        return bytes(image.read(PRODUCT_BYTES + 1))
    finally:
        image.seek(position)


def _find(digest: str) -> ProductImage | None:
    row, now = ProductImage.objects.filter(source_digest=digest).first(), timezone.now()
    if row is not None and row.used_at < now - USED_AT_PRECISION:
        row.used_at = now
        # The purge, which deletes images that were not used for a week, might just have deleted this one.
        if not ProductImage.objects.filter(pk=row.pk).update(used_at=now):
            return None
    return row


def _convert(ref: str, digest: str, data: bytes) -> ProductImage:
    row = ProductImage(source_digest=digest, product=ref)
    try:
        image = normalize_product_image(io.BytesIO(data))
    except ImageRefused as refusal:
        with translation.override(settings.LANGUAGE_CODE):  # The merchant reads this text, not the shopper.
            row.problem = str(refusal.message)
        logger.warning("The image of %s cannot be tried on: %s", ref, row.problem)
    else:
        row.digest, row.width, row.height = image.digest, image.width, image.height
        row.file.save(f"product.{image.extension}", ContentFile(image.data), save=False)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Another process has stored the same image in the meantime.
        delete_file(row.file)
        return ProductImage.objects.get(source_digest=digest)
    return row
