"""Record statuses of the vendor that its documents do not name, since a render with one may never end."""

from __future__ import annotations

import logging

from ..models import UnknownStatus
from ..models.operations import COMPLETED_WITHOUT_IMAGES
from ..pixazo import Engine, VendorResponse
from ..pixazo.parsing import declared_status

logger = logging.getLogger(__name__)

MAX_WORDS = 20
"""The number of words that are recorded for an engine. With more of them, they are no statuses."""

MAX_WORD_LENGTH = 50  # The length of the database column.


def record_unknown_status(engine: Engine, answer: VendorResponse) -> None:
    """Record the status of an answer that is not `is_declared`, if it is new."""
    is_completed = declared_status(answer.raw_status, engine.statuses) is not None
    # Lower case can be longer than the vendor's own word.
    word = COMPLETED_WITHOUT_IMAGES if is_completed else answer.raw_status.casefold()[:MAX_WORD_LENGTH]
    words = UnknownStatus.objects.filter(engine=engine.name)
    if words.filter(word=word).exists() or words.count() >= MAX_WORDS:
        return
    logger.warning("%s has a status that is not known: %r", engine.name, word)
    UnknownStatus.objects.bulk_create([UnknownStatus(engine=engine.name, word=word)], ignore_conflicts=True)
