"""Find the id of a render in an answer, also where the vendor's documents do not say.

A submit that was accepted is paid for, and without an id its render can never be polled.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from .paths import find

logger = logging.getLogger(__name__)

MAX_ID = 2000
"""The maximum size of an id in bytes, which a unique index of each database can hold."""

KNOWN_NAMES = (
    *("request_id", "requestId", "task_id", "taskId", "job_id", "jobId", "job_set_id", "prediction_id"),
    "id",
)
"""The names under which the gateway's models and its users have been seen to give the id."""

KNOWN_PARENTS = ("data", "result", "output", "request", "task", "job")
"""The objects in which a plain "id" is that of the render, and not of a user or an error."""


def is_id(text: str) -> bool:
    """Return whether a render can be stored and polled under this id.

    Every character must be printable. "." and ".." would be another path in the URL of a poll.
    """
    return text.isprintable() and bool(text.strip(". ")) and len(text.encode()) <= MAX_ID


def find_declared(payload: object, fields: Iterable[str]) -> str | None:
    """Return the first usable id in these fields."""
    return _first_id(value for path in fields for value in find(payload, path))


def find_known(payload: Mapping[str, Any]) -> str | None:
    """Return the first usable id under a known name, at the top or in an object there."""
    found = _first_id(payload.get(name) for name in KNOWN_NAMES)
    if found is None:
        found = _first_id(
            child[name]
            for name in KNOWN_NAMES
            for key, child in payload.items()
            if isinstance(child, Mapping) and name in child and (name != "id" or key in KNOWN_PARENTS)
        )
    if found is not None:
        logger.warning("The id of a render was not where its engine declares it; its answer has another form")
    return found


def from_result(images: tuple[str, ...]) -> str | None:
    """Return an id for a render that came in the answer to its submit and has none."""
    return f"result-{hashlib.sha256(images[0].encode()).hexdigest()[:32]}" if images else None


def _first_id(values: Iterable[object]) -> str | None:
    for value in values:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(text, str) and is_id(text):
            return text
    return None
