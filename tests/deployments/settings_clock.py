"""The example shop on a host whose clock is ahead by the seconds in the file that HOST_CLOCK names."""

import os
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

_true_time, _true_now = time.time, timezone.now


def _lead() -> float:
    with suppress(OSError, KeyError, ValueError):
        return float(Path(os.environ["HOST_CLOCK"]).read_text())
    return 0.0


# Before any other import, since modules keep these functions.
time.time = lambda: _true_time() + _lead()
timezone.now = lambda: _true_now() + timedelta(seconds=_lead())

from config.settings import *  # noqa: E402, F403
