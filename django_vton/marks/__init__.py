"""The visible mark on copies of results that leave the shop's pages: downloads, shares, published images.

The stored file has no visible mark, since the pages show a label above it. A copy is drawn when it is needed,
in the language of its reader.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from ..conf import config
from ..images import EncodedImage, mark_result
from ..images.content_credentials import SigningKey, sign
from ..images.visible_mark import draw_mark
from ..storage import private_storage
from ..utils.decoding import decoding_slot
from ..utils.languages import override_interface_language

logger = logging.getLogger(__name__)

CORNER = "corner"

CACHED_COPIES = 16
"""The copies of published images that a process keeps, of up to 2 MB each."""


def mark_text(language: str | None = None) -> str:
    """Return `MARK_TEXT` for a reader of this language, by default for everyone: in `LANGUAGE_CODE`."""
    with override_interface_language(language or settings.LANGUAGE_CODE):
        return str(config.MARK_TEXT)


def mark_image(data: bytes, text: str | None = None) -> bytes:
    """Return a copy of a stored result or thumbnail with the visible mark and the machine-readable ones.

    `data` are the bytes of a `TryOnImage.file`. The text is `mark_text()` by default. If `MARK` is None,
    return the bytes unchanged. Raise `django_vton.images.ImageRefused` for bytes that are no image.
    """
    if config.MARK is None:
        return data
    text = mark_text() if text is None else text
    return _sign(mark_result(data, lambda image: _draw(image, text)), data)


def signing_key() -> SigningKey | None:
    """Return the shop's key for C2PA, or None if the shop signs no images."""
    if not config.C2PA_CERTIFICATE or not config.C2PA_KEY:
        return None
    return SigningKey(str(config.C2PA_CERTIFICATE), str(config.C2PA_KEY))


def published_copy(name: str) -> bytes:
    """Return `mark_image` of a file in the private storage. A process keeps the copies that it used last.

    Raise `Refused` (503) if too many images are being decoded, since anyone may request a published image.
    """
    return _published_copy(name, mark_text(), config.MARK)


def variant(text: str) -> str:
    """Return a text that differs for copies that look different."""
    return f"{config.MARK}\n{text}"


@lru_cache(maxsize=CACHED_COPIES)
def _published_copy(name: str, text: str, _mark: str | None) -> bytes:
    with decoding_slot(), private_storage().open(name) as file:
        return mark_image(file.read(), text)


def _sign(image: EncodedImage, source: bytes) -> bytes:
    key = signing_key()
    if key is not None:
        try:
            return sign(image.data, image.content_type, key, source=source, action="c2pa.edited")
        except Exception:
            logger.exception("A copy of a result could not be signed.")
    return image.data


def _draw(image: Any, text: str) -> Any:
    if config.MARK is not None and config.MARK != CORNER:
        try:
            return import_string(config.MARK)(image.copy(), text)
        except Exception:
            logger.exception("VTON['MARK'] failed. The image has the default mark instead.")
    return draw_mark(image, text)
