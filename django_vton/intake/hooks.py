"""Call the shop's own hooks: CAPTCHA for each request, MODERATE for each uploaded photo."""

from __future__ import annotations

import logging
from typing import Any

from django.utils.module_loading import import_string

from ..exceptions import Refused
from ..utils.redaction import clear_frames

logger = logging.getLogger(__name__)


def run_hook(path: str | None, *arguments: Any) -> bool:
    """Return whether the callable at the dotted `path` accepts; True without a path.

    If it raises, nothing has been checked: the error is logged and the request refused as `unavailable`.
    """
    if not path:
        return True
    try:
        return bool(import_string(path)(*arguments))
    except Exception as error:
        clear_frames(error)
        logger.exception("%s failed, so a try-on was refused.", path)
        raise Refused("unavailable", retry_after=60) from None
