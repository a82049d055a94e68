"""Call the shop's hooks: CAPTCHA for each request, and MODERATE for each uploaded photo."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest
from django.utils.module_loading import import_string

from ..conf import config
from ..exceptions import Refused
from ..utils.redaction import clear_frames

logger = logging.getLogger(__name__)


def has_solved_captcha(request: HttpRequest) -> bool:
    """Return whether CAPTCHA accepts the request. Without that setting, return True."""
    return _run(config.CAPTCHA, request)


def require_allowed_photo(photo: bytes, product: Any) -> None:
    """Raise `Refused` unless MODERATE allows this photo, a JPEG, for this product of the shop."""
    if not _run(config.MODERATE, photo, product):
        raise Refused("photo_refused", field="photo")


def _run(path: str | None, *arguments: Any) -> bool:
    """Return whether the callable at the dotted `path` accepts the arguments. Without a path, return True.

    If the callable raises an error, log it and raise `Refused`.
    """
    if not path:
        return True
    try:
        return bool(import_string(path)(*arguments))
    except Exception as error:
        clear_frames(error)
        logger.exception("A try-on was refused, because the hook %s failed.", path)
        raise Refused("unavailable", retry_after=60) from None
