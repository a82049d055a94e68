"""What a queue calls: plain functions without arguments, which return nothing and may come twice.

django-q2 delivers again what raises, so they catch `Exception`; never `BaseException`, which is how a
worker is told to stop.
"""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


def dispatch() -> None:
    """Drive what is due, for one slice of time."""
    from .utils.redaction import clear_frames
    from .worker.dispatcher import run

    try:
        run()
    except Exception as trouble:
        clear_frames(trouble)
        logger.exception("The pump stopped; the schedule starts it again within a minute.")


def wake() -> None:
    """The schedule's look: workers live, a pump starts where one is missing, staff hear of trouble.

    Also finishes try-ons whose shared render has ended.
    """
    from . import queue
    from .monitoring import incidents
    from .queue import liveness
    from .worker import claims

    try:
        liveness.record_heartbeat()
        if claims.has_work():
            queue.wake()
    except Exception:
        logger.exception("The minute's look failed; the next one comes in a minute.")
    finish_followers()
    incidents.watch()


def finish_followers() -> None:
    """End the try-ons that still wait for a shared render which has ended."""
    from . import lifecycle

    try:
        lifecycle.finish_followers()
    except Exception:
        logger.exception("Ending try-ons that share a render failed; it is tried again in a minute.")


def purge() -> None:
    """Delete photos, results and files that have had their time."""
    from . import privacy

    try:
        privacy.purge()
    except Exception:
        logger.exception("Deleting what is due failed; it is tried again in an hour.")
