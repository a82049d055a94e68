"""Whether the vendor has downloaded the images of a render: the record, and what a failure means by it.

The vendor's text names no reliable cause. If a firewall, a bot challenge or a login answers before the shop,
the vendor may report any error, but the shop has never served the images.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import Error

from ..conf import config
from ..models import Attempt, VendorLink
from ..models.states import IMAGE_ERROR_CODES, IMAGES_UNREACHABLE
from ..utils import clock, database
from .engines import engines

logger = logging.getLogger(__name__)

MAX_LOCK_MS = 1000
"""How long a download by the vendor may wait for SQLite's lock to be recorded, in milliseconds."""

VERDICT_CODES = ("moderated", "no_person")
"""The error codes by which the vendor judges what an image shows, so it has seen the image."""


def record_fetch(link: VendorLink, address: str | None) -> None:
    """Record that the shop serves the image of this link to an address, unless an earlier one is recorded.

    Log database errors instead of raising them, so that the vendor gets the image in any case.
    """
    if link.fetched_at is not None:
        return
    try:
        with _short_wait_for_sqlite(), database.savepoint():
            unfetched = VendorLink.objects.filter(pk=link.pk, fetched_at=None)
            unfetched.update(fetched_at=clock.now(), fetched_from=address)
    except Error as error:
        logger.warning("A download by the vendor could not be recorded: %s", type(error).__name__)


@contextmanager
def _short_wait_for_sqlite() -> Iterator[None]:
    """Wait at most `MAX_LOCK_MS` for SQLite's only lock. Other databases lock just the row of the link."""
    if database.connection().vendor != "sqlite":
        yield
        return
    with database.connection().cursor() as cursor:
        configured = int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])
        cursor.execute(f"PRAGMA busy_timeout = {min(configured, MAX_LOCK_MS)}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {configured}")


def failure_code(attempt: Attempt, opinion: str, *, is_failed: bool) -> str:
    """Return the error code of a render that the vendor has ended without a result.

    `opinion` is the code for the vendor's text. `is_failed` tells a failed render from a refused submit and
    from an error of the vendor's own system. Call this in the transaction that ends the try-on, before it
    deletes the links.
    """
    engine = engines().get(attempt.engine)
    if engine is None or engine.images_as != "url":
        return opinion
    times = VendorLink.objects.filter(attempt=attempt).values_list("fetched_at", flat=True)
    fetched = [moment is not None for moment in times]
    code = decide_code(opinion, fetched, is_failed=is_failed)
    if code == IMAGES_UNREACHABLE:
        message = "try-on %s: the vendor loaded %d of %d images. Can it reach PUBLIC_BASE_URL (%s)?"
        logger.warning(message, attempt.request_id, sum(fetched), len(fetched), config.PUBLIC_BASE_URL)
    elif code in IMAGE_ERROR_CODES:
        logger.warning("try-on %s: the vendor loaded the images but cannot use one", attempt.request_id)
    return code


def decide_code(opinion: str, fetched: Sequence[bool], *, is_failed: bool) -> str:
    """Return the error code, given for each link whether the vendor has downloaded the image.

    Without links, the try-on had ended before and was reopened, so the images are not the cause. A vendor
    that has seen one image may have judged it before it needed the other one.
    """
    if not fetched:
        return "vendor" if opinion in IMAGE_ERROR_CODES else opinion
    if all(fetched) or (any(fetched) and opinion in VERDICT_CODES):
        return opinion
    return IMAGES_UNREACHABLE if is_failed or opinion in IMAGE_ERROR_CODES else opinion
