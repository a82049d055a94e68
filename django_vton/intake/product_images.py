"""Product images: read from the shop's storage, converted for the vendor, and stored."""

from __future__ import annotations

import hashlib
import io
import logging
from datetime import timedelta
from typing import Any

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
"""How long the cache remembers whether a file is usable, so that it need not be read again."""

USED_AT_PRECISION = timedelta(hours=1)
"""`used_at` is updated at most this often, so that not every page view writes to the database."""


def prepare(described: DescribedProduct) -> ProductImage:
    """Return the product's image, ready for the vendor. Raises Refused if it has no usable one.

    To a shopper the refusal says only that the product cannot be tried on. `describe_problem` tells the
    merchant why.
    """
    image = _find_or_convert(described)
    if isinstance(image, str) or image.problem:
        raise Refused("product_not_enabled", field="product")
    return image


def require_usable(described: DescribedProduct) -> None:
    """As `prepare`, but for page views: relies on the cache, so that the file need not be read."""
    key = _cache_key(described)
    is_usable = cache.get(key) if key else None
    if is_usable is None:
        prepare(described)
    elif not is_usable:
        raise Refused("product_not_enabled", field="product")


def describe_problem(described: DescribedProduct) -> str:
    """Why the product's image cannot be used, in words for the merchant; "" if it can."""
    image = _find_or_convert(described)
    return image if isinstance(image, str) else image.problem


def _find_or_convert(described: DescribedProduct) -> ProductImage | str:
    """The converted image, or why the product's file cannot be read. Caches the result."""
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
    """The cache key for a product's stored file; None for a file in memory."""
    image = described.image
    if not isinstance(image, FieldFile) or not _is_stored(image):
        return None
    name = hashlib.sha256(f"{described.ref}\0{image.name}".encode()).hexdigest()
    return f"vton.product_image.{name}"


def _is_stored(image: FieldFile) -> bool:
    return bool(image.name and getattr(image, "_committed", True))


def _read(image: File[Any]) -> bytes:
    """The bytes of the shop's file, which stays as it was: open at its position, or closed."""
    if not isinstance(image, File):
        raise TypeError(f"get_image() must return a Django File, not {type(image).__name__}")
    if isinstance(image, FieldFile) and image.name and _is_stored(image):
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


def _find(digest: str) -> ProductImage | None:
    row, now = ProductImage.objects.filter(source_digest=digest).first(), timezone.now()
    if row is not None and row.used_at < now - USED_AT_PRECISION:
        row.used_at = now
        # The purge deletes images that were not used for a week, perhaps at this moment.
        if not ProductImage.objects.filter(pk=row.pk).update(used_at=now):
            return None
    return row


def _convert(ref: str, digest: str, data: bytes) -> ProductImage:
    row = ProductImage(source_digest=digest, product=ref)
    try:
        image = normalize_product_image(io.BytesIO(data))
    except ImageRefused as refusal:
        with translation.override(settings.LANGUAGE_CODE):
            row.problem = str(
                refusal.message
            )  # Only the merchant reads it, so not in the shopper's language.
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
