"""See in one statement what is due, so that a polling cycle makes only queries that can find something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from ..models import TryOnRequest
from ..models.states import State

MAX_ROWS = 50
"""The maximum number of rows that are read. With so many, every kind of work may be due."""

SUSPECT = Q(state=State.RENDERED, claim_count__gt=0)
"""A download that a worker has claimed and not finished. Perhaps its image has killed the worker."""


class DueRow(NamedTuple):
    """What decides about the work on a due try-on."""

    state: str
    engine: str
    claim_count: int
    called_back_at: datetime | None

    def is_queued(self, engine: str = "") -> bool:
        """Return whether a submit is due, to this engine if one is given."""
        return self.state == State.QUEUED and engine in ("", self.engine)

    def is_sent(self) -> bool:
        """Return whether a poll, a download or the end of a lease is due."""
        return self.state != State.QUEUED

    def may_await_callback(self) -> bool:
        """Return whether a poll is due before the callback, if the engine has callbacks."""
        return self.state == State.SUBMITTED and self.called_back_at is None

    def is_suspect(self) -> bool:
        """Return whether the row is one of `SUSPECT`."""
        return self.state == State.RENDERED and self.claim_count > 0


@dataclass(frozen=True)
class DueRows:
    """The first due rows, longest due first."""

    rows: list[DueRow]

    @classmethod
    def read(cls, now: datetime) -> DueRows:
        """Read the first rows that are due now."""
        due = TryOnRequest.objects.due(now).values_list(*DueRow._fields)
        return cls([DueRow(*values) for values in due[:MAX_ROWS]])

    def may_include(self, is_wanted: Callable[[DueRow], bool]) -> bool:
        """Return False if no such row is due. If not all due rows were read, return True."""
        return len(self.rows) == MAX_ROWS or any(map(is_wanted, self.rows))
