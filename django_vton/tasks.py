"""The functions that a queue calls. They take no arguments, return nothing, and may run more than once.

They catch `Exception`, because django-q2 runs a task again if it raises one. They do not catch
`BaseException`, because that is how a worker is told to stop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

from . import lifecycle, privacy, queue
from .batches import notices, rules
from .batches.releases import end_releases
from .health.storage import record_storage_check
from .intake import product_checks
from .monitoring import incidents
from .queue import liveness
from .utils import database
from .utils.redaction import clear_frames
from .worker import claims, dispatcher

logger = logging.getLogger(__name__)


def _log_errors(message: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Return a decorator that repeats a task after conflicts, and logs this message if an error ends it."""

    def decorate(task: Callable[[], None]) -> Callable[[], None]:
        @wraps(task)
        def logged() -> None:
            try:
                database.retry(task)()
            except Exception:
                logger.exception(message)

        return logged

    return decorate


def dispatch() -> None:
    """Run a dispatcher for a limited time."""
    try:
        dispatcher.run()
    except Exception as error:
        clear_frames(error)
        logger.exception("The dispatcher failed. The schedule will start it again within a minute.")


def wake() -> None:
    """Run every minute: record a heartbeat, wake a dispatcher, and run the tasks of each minute."""
    try:
        liveness.record_heartbeat()
        if claims.has_work():
            queue.wake()
    except Exception:
        logger.exception("The scheduled wake-up failed. The next one is in a minute.")
    run_minute_tasks()


def run_minute_tasks() -> None:
    """End followers, tell of incidents and finished batches, run rules, check the storage and products."""
    finish_followers()
    incidents.check()
    tell_of_finished_batches()
    check_storage()
    run_rules()
    check_saved_products()  # Last, because it reads files from outside.


@_log_errors("Could not end try-ons that share a render. The next attempt is in a minute.")
def finish_followers() -> None:
    """End the try-ons that share a render which has ended."""
    lifecycle.finish_followers()


@_log_errors("Could not tell of finished batches. The next attempt is in a minute.")
def tell_of_finished_batches() -> None:
    """Send the messages about finished batches."""
    notices.send_due()


@_log_errors("The storage could not be checked. The next attempt is in a minute.")
def check_storage() -> None:
    """Try whether results can be stored. The next check for incidents reads what was found."""
    record_storage_check()


@_log_errors("A rule could not be run. The next attempt is in a minute.")
def run_rules() -> None:
    """Make the batch of a rule whose hour has come."""
    rules.run_due()


@_log_errors("Checking the saved products failed. It is tried again in a minute.")
def check_saved_products() -> None:
    """Check the products that were saved since the last run."""
    product_checks.check_saved()


@_log_errors("Checking the products failed. It is tried again in an hour.")
def check_products() -> None:
    """Run every hour: find products whose image cannot be used."""
    product_checks.check_all()


def purge() -> None:
    """Run every hour: end expired releases, and delete data that is past its retention."""
    try:
        end_releases()
    except Exception:
        logger.exception("Could not end the use of all house models. The next attempt is in an hour.")
    try:
        privacy.purge()
    except Exception:
        logger.exception("Could not delete all expired data. The next attempt is in an hour.")
