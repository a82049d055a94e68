"""The record of all submits, what they would cost, and the counts of each render."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

MAX_VALUE = 2048  # Characters. Image URLs are shorter, Base64 images are longer.


@dataclass
class Entry:
    """A submit that the gateway received."""

    time: str  #: ISO 8601, UTC
    engine: str
    outcome: Literal["arrived", "refused", "accepted"] = "arrived"
    answer: int | None = None  #: the HTTP status of the response; None if none was sent
    request_id: str | None = None
    state: str = ""  #: the render's status as the vendor writes it
    ended: str | None = None  #: ISO 8601, UTC
    amount: int = 0  #: charged, in micro-USD
    refunded: bool = False
    callback: dict[str, Any] | None = None  #: {"host", "has_path", "mode"}, because the path is secret
    body: Any = None  #: the parameters, without long values


@dataclass
class Counts:
    """The numbers of polls, downloads and callbacks of a render."""

    asks: int = 0  #: polls of its status
    media_fetches: int = 0  #: downloads of its results
    callbacks_sent: int = 0
    callbacks_acknowledged: int = 0  #: with a 2xx response


class Ledger:
    """All submits in the order of arrival, and counts by request ID. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._counts: dict[str, Counts] = {}

    @property
    def entries(self) -> list[Entry]:
        """A new list of all entries. The entries themselves still change with their renders."""
        with self._changed:
            return list(self._entries)

    def counts(self, request_id: str) -> Counts:
        """Return the counts of a render. They are zero for an unknown ID."""
        with self._changed:
            return self._counts.get(request_id) or Counts()

    @property
    def totals(self) -> dict[str, int]:
        """Sums over all submits. `amount` is in micro-USD."""
        with self._changed:
            outcomes = Counter(entry.outcome for entry in self._entries)
            counts = [asdict(each) for each in self._counts.values()]
            sums = {name: sum(each[name] for each in counts) for name in asdict(Counts())}
            return {
                "submits": len(self._entries),
                "accepted": outcomes["accepted"],
                "refused": outcomes["refused"],
                "amount": sum(entry.amount for entry in self._entries),
                **sums,
            }

    def as_dict(self) -> dict[str, Any]:
        """Return the whole ledger for JSON."""
        with self._changed:
            return {
                "submits": [asdict(entry) for entry in self._entries],
                "counts": {name: asdict(each) for name, each in self._counts.items()},
                "totals": self.totals,
            }

    def wait_for(self, predicate: Callable[["Ledger"], object], timeout: float = 10) -> bool:
        """Wait at most `timeout` seconds until `predicate(ledger)` is true. Return whether it is."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: predicate(self), timeout))

    def add(self, entry: Entry) -> None:
        """Add a submit."""
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    def update(self, entry: Entry, **changes: Any) -> None:
        """Change fields of an entry."""
        with self._changed:
            for name, value in changes.items():
                setattr(entry, name, value)
            if entry.request_id:
                self._counts.setdefault(entry.request_id, Counts())
            self._changed.notify_all()

    def count(self, request_id: str, name: str) -> int:
        """Increment a field of the render's `Counts` and return the new value."""
        with self._changed:
            counts = self._counts.setdefault(request_id, Counts())
            value: int = getattr(counts, name) + 1
            setattr(counts, name, value)
            self._changed.notify_all()
            return value

    def clear(self) -> None:
        """Remove all submits and counts."""
        with self._changed:
            self._entries.clear()
            self._counts.clear()
            self._changed.notify_all()


def without_long_values(body: Any) -> Any:
    """Replace long and nested parameters by their lengths. Return None if `body` is no JSON object."""
    if not isinstance(body, dict):
        return None
    return {name[:MAX_VALUE]: _shortened(value) for name, value in body.items()}


def _shortened(value: object) -> object:
    if isinstance(value, str) and len(value) > MAX_VALUE:
        return f"({len(value)} characters)"
    if isinstance(value, dict | list):  # No documented parameter has such a value.
        return f"({type(value).__name__} of {len(value)})"
    return value


def describe_callback(url: str, mode: str) -> dict[str, Any]:
    """Return what the ledger shows of a callback: not the path of its URL, which is secret."""
    parts = urlsplit(url)
    return {"host": parts.netloc.rpartition("@")[2], "has_path": len(parts.path) > 1, "mode": mode}
