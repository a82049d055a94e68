"""The shop's own word on a request: CAPTCHA has a look at who asks, MODERATE at each photo."""

from __future__ import annotations

import logging
from typing import Any

from django.utils.module_loading import import_string

from ..exceptions import Refused
from ..utils.redaction import clear_frames

logger = logging.getLogger(__name__)


def run_hook(path: str | None, *arguments: Any) -> bool:
    """Whether the callable at `path` says yes; without a path, yes.

    One that raises has not looked, so nothing is sent: logged for the shop, and refused as `unavailable`.
    """
    if not path:
        return True
    try:
        return bool(import_string(path)(*arguments))
    except Exception as trouble:
        clear_frames(trouble)
        logger.exception("%s failed, and a try-on was refused for it.", path)
        raise Refused("unavailable", retry_after=60) from None
