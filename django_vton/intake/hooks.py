"""Call the shop's hooks: CAPTCHA for each request, and MODERATE for each uploaded photo."""

from __future__ import annotations

import logging
from typing import Any

from django.utils.module_loading import import_string

from ..exceptions import Refused
from ..utils.redaction import clear_frames

logger = logging.getLogger(__name__)


def run_hook(path: str | None, *arguments: Any) -> bool:
    """Return whether the callable at the dotted `path` accepts the arguments; True without a path.

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
