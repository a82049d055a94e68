"""Read the images that a shop's `get_image` returns, from files, storages, image libraries and URLs."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

from ..conf import config
from ..images.limits import PRODUCT_BYTES
from ..models import ProductCheck
from ..pixazo import DownloadFailed

DOWNLOAD_SECONDS = 10.0
"""The time limit of a download. A shopper's request can wait for it."""


class UnusableImage(Exception):  # noqa: N818 - an answer to the merchant, not a program error
    """The image cannot be used, for one of `ProductCheck.Reason`. The message is for the merchant.

    `digest` is that of the file, or "" if the file could not be read.
    """

    def __init__(self, reason: ProductCheck.Reason, text: str, digest: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.digest = digest


def is_url(image: Any) -> bool:
    """Return whether the image has to be downloaded."""
    return isinstance(image, str) and "://" in image


def image_name(image: Any) -> str:
    """Return what identifies the image without reading it, such as its name; "" if nothing does."""
    if isinstance(image, str | Path):
        return str(image)
    if isinstance(image, FieldFile) and not getattr(image, "_committed", True):
        return ""
    return str(image.name or "") if hasattr(image, "storage") else ""


def read_image(image: Any) -> bytes:
    """Return the image's bytes, at most one more than `PRODUCT_BYTES`.

    Leave an open file at its position, and a closed file closed. Errors of the storage are raised unchanged.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image[: PRODUCT_BYTES + 1])
    if is_url(image):
        return _download(str(image))
    if _is_open(image):
        return _read_open(image)
    with closing(_open(image)) as file:
        return bytes(file.read(PRODUCT_BYTES + 1))


def _is_open(image: Any) -> bool:
    if isinstance(image, File):
        return not image_name(image) and not image.closed
    return hasattr(image, "read") and hasattr(image, "seek") and not image_name(image)


def _open(image: Any) -> Any:
    if isinstance(image, Path):
        return image.open("rb")
    if isinstance(image, str):
        return default_storage.open(image, "rb")
    if isinstance(image, File) and not isinstance(image, FieldFile):
        image.open("rb")  # django-imagekit creates its file now, and returns None.
        return image
    if name := image_name(image):
        return image.storage.open(name, "rb")
    if isinstance(image, File):
        return image.open("rb")
    name = f"{type(image).__module__}.{type(image).__qualname__}"
    text = _("get_image() returned an object of the type %(type)s, which is not an image file.")
    raise UnusableImage(ProductCheck.Reason.TYPE, text % {"type": name})


def _read_open(file: Any) -> bytes:
    position = file.tell()
    file.seek(0)
    try:
        return bytes(file.read(PRODUCT_BYTES + 1))
    finally:
        file.seek(position)


def _download(url: str) -> bytes:
    from ..pixazo import downloads

    host = urlsplit(url).hostname or ""
    try:
        return asyncio.run(
            downloads.download(
                url,
                hosts=config.PRODUCT_IMAGE_HOSTS,
                loopback=config.is_sandbox,
                limit=PRODUCT_BYTES,
                seconds=DOWNLOAD_SECONDS,
            )
        )
    except DownloadFailed as error:
        text = _("The product picture cannot be downloaded from %(host)s: %(error)s.")
        raise UnusableImage(ProductCheck.Reason.DOWNLOAD, text % {"host": host, "error": error}) from None
