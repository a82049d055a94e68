"""Read product images from the shop's storage, convert them for the vendor, and store them."""

from __future__ import annotations

import hashlib
import io
import logging
from datetime import timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError
from django.utils import translation
from django.utils.translation import gettext as _

from .. import products
from ..exceptions import Refused
from ..health.storage import record_missing_file
from ..images import EncodedImage, ImageRefused, check_product_image, normalize_product_image
from ..models import ProductCheck, ProductImage
from ..privacy.stored_files import delete_file
from ..products import DescribedProduct
from ..storage import is_certainly_missing
from ..utils import cache, clock, database
from . import product_files
from .product_files import UnusableImage
from .storing import storing_files

logger = logging.getLogger(__name__)

Reason = ProductCheck.Reason

CACHE_SECONDS = 60
"""The time for which the cache remembers whether a file is usable, so that page views do not read it."""

DOWNLOAD_CACHE_SECONDS = 600
"""The time after which the image at a URL is downloaded again."""

USED_AT_PRECISION = timedelta(hours=1)
"""The minimum time between two updates of `used_at`, so that not every page view writes to the database."""


def prepare(described: DescribedProduct) -> ProductImage:
    """Return the product's image, ready for the vendor. Raise `Refused` if the product has no usable image.

    The refusal does not tell shoppers why. `describe_problem` tells the merchant.
    """
    try:
        image = _find_or_convert(described)
    except UnusableImage:
        image = None
    if image is None or image.problem:
        raise Refused("product_not_enabled", field="product")
    return image


def require_usable(described: DescribedProduct) -> None:
    """Like `prepare`, but rely on the cache, so that page views need not read the file."""
    key = _cache_key(described)
    digest = cache.get(key) if key else None
    if digest is None:
        prepare(described)
    elif not digest:
        raise Refused("product_not_enabled", field="product")


def describe_problem(described: DescribedProduct) -> str:
    """Return a text for the merchant: why the product's image cannot be used. Return "" if it is usable."""
    try:
        return _find_or_convert(described).problem
    except UnusableImage as unusable:
        return str(unusable)
    except Refused as refusal:  # The storage fails.
        return str(refusal.detail)


def restore(image: ProductImage, product: str) -> None:
    """Convert the image of the product with this reference again, since the file of `image` is missing.

    Raise `UnusableImage` if the product has no usable image any more, or another one. The order was for that
    image. Raise `Refused` if the product is gone or if the storage fails.
    """
    data = _read(products.find(product))
    if hashlib.sha256(data).hexdigest() != image.source_digest:
        raise UnusableImage(Reason.FILE, _("The product has another picture now."))
    _store_again(image, data)


def check(described: DescribedProduct) -> str:
    """Return the digest of the image's file. Raise `UnusableImage` if the product has no usable image.

    Only parse the file, without decoding and storing the image. If it was decoded before, use that result.
    """
    data = _read(described)
    digest = hashlib.sha256(data).hexdigest()
    if (key := _cache_key(described)) and cache.get(key, digest) != digest:
        cache.delete(key)  # So that the next render uses this file.
    try:
        check_product_image(io.BytesIO(data))
    except ImageRefused as refusal:
        raise UnusableImage(Reason(str(refusal)), _for_merchant(refusal), digest) from None
    decoded = ProductImage.objects.filter(source_digest=digest).first()
    if decoded is not None and decoded.problem:
        raise UnusableImage(Reason.UNREADABLE, decoded.problem, digest)
    return digest


def _for_merchant(refusal: ImageRefused) -> str:
    """Return the message in the merchant's language, which is not the shopper's."""
    with translation.override(settings.LANGUAGE_CODE):
        return str(refusal.message)


def _read(described: DescribedProduct) -> bytes:
    """Return the contents of the product's image. Raise `UnusableImage` if there are none."""
    image = described.image
    if image is None:
        raise UnusableImage(Reason.FILE, _("This product has no picture."))
    try:
        return product_files.read_image(image)
    except UnusableImage:
        raise
    except Exception as error:  # noqa: BLE001 - a storage may raise anything, and the file may be missing
        logger.warning("The image of %s cannot be read: %r", described.ref, error)
    raise UnusableImage(Reason.FILE, _("The file of the product picture cannot be read."))


@database.retry
def _find_or_convert(described: DescribedProduct) -> ProductImage:
    """Return the converted image. Raise `UnusableImage` if the file cannot be read.

    Cache the digest of the file, or "" if the file is not usable.
    """
    image, key = described.image, _cache_key(described)
    is_url = product_files.is_url(image)
    if is_url and key and (digest := cache.get(key)) and (found := _find(digest)) and not _is_missing(found):
        return found
    try:
        data = _read(described)
    except UnusableImage:
        if key:
            cache.delete(key)  # The storage may work again at any moment.
        raise
    row = _find(digest := hashlib.sha256(data).hexdigest())
    if row is None:
        row = _convert(described.ref, digest, data)
    elif _is_missing(row):
        _store_again(row, data)
    if key:
        seconds = DOWNLOAD_CACHE_SECONDS if is_url else CACHE_SECONDS
        cache.set(key, "" if row.problem else row.source_digest, seconds)
    return row


def _cache_key(described: DescribedProduct) -> str | None:
    name = product_files.image_name(described.image)
    digest = hashlib.sha256(f"{described.ref}\0{name}".encode()).hexdigest()
    return f"vton.product_image.{digest}" if name else None


def _find(digest: str) -> ProductImage | None:
    row, now = ProductImage.objects.filter(source_digest=digest).first(), clock.now()
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
        row.problem = _for_merchant(refusal)
        logger.warning("The image of %s cannot be tried on: %s", ref, row.problem)
        # The check has only parsed the file. The next one finds this result.
        ProductCheck.objects.filter(product=ref).update(checked_at=None)
    else:
        row.digest, row.width, row.height = image.digest, image.width, image.height
        _store(row, image)
    try:
        with database.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Another process has stored the same image in the meantime.
        delete_file(row.file)
        return ProductImage.objects.get(source_digest=digest)
    return row


def _store(row: ProductImage, image: EncodedImage) -> None:
    with storing_files(row, ["file"]):
        row.file.save(f"product.{image.extension}", ContentFile(image.data), save=False)


def _is_missing(row: ProductImage) -> bool:
    """Return whether the file is missing. If the storage cannot tell, a worker asks it again."""
    return not row.problem and is_certainly_missing(row.file)


def _store_again(row: ProductImage, data: bytes) -> None:
    """Store the missing file of a converted image, with a new name, and update the row."""
    missing = row.file.name
    logger.warning("The file of a prepared product image is missing, and is prepared again: %s", missing)
    record_missing_file(missing)
    try:
        image = normalize_product_image(io.BytesIO(data))
    except ImageRefused as refusal:
        raise UnusableImage(Reason(str(refusal)), _for_merchant(refusal), row.source_digest) from None
    row.file = ""  # So that an error deletes no other file.
    _store(row, image)
    if not ProductImage.objects.filter(pk=row.pk, file=missing).update(file=row.file.name):
        # Another process has stored it in the meantime.
        delete_file(row.file)
        row.refresh_from_db(fields=["file"])
