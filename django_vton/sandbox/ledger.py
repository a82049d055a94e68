"""What arrived, what it cost, and how often each render was asked for."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

BULK = 2048  # No image URL is longer; a Base64 image always is.


@dataclass
class Entry:
    """One submit that arrived."""

    time: str  #: ISO 8601, UTC
    engine: str
    outcome: Literal["arrived", "refused", "accepted"] = "arrived"
    answer: int | None = None  #: the HTTP status answered; None where no answer was sent
    request_id: str | None = None
    state: str = ""  #: the render's status, in the vendor's words
    ended: str | None = None  #: ISO 8601, UTC
    amount: int = 0  #: charged, in micro-USD
    refunded: bool = False
    callback: dict[str, Any] | None = None  #: {"host", "has_path", "mode"}: the path itself is a secret
    body: Any = None  #: the parameters, without Base64


@dataclass
class Counts:
    """What happened to one render."""

    asks: int = 0
    media_fetches: int = 0
    callbacks_sent: int = 0
    callbacks_acknowledged: int = 0  #: answered 2xx


class Ledger:
    """Every submit in the order of arrival, and counts per request id. Safe to read from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._entries: list[Entry] = []
        self._counts: dict[str, Counts] = {}

    @property
    def entries(self) -> list[Entry]:
        """A copy of the list; the entries are live."""
        with self._changed:
            return list(self._entries)

    def counts(self, request_id: str) -> Counts:
        """The counts of one render; zeros for an unknown id."""
        with self._changed:
            return self._counts.get(request_id) or Counts()

    @property
    def totals(self) -> dict[str, int]:
        """Sums over all; `amount` in micro-USD."""
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
        """All of it, for JSON."""
        with self._changed:
            return {
                "submits": [asdict(entry) for entry in self._entries],
                "counts": {name: asdict(each) for name, each in self._counts.items()},
                "totals": self.totals,
            }

    def wait_for(self, holds: Callable[["Ledger"], object], timeout: float = 10) -> bool:
        """Blocks until `holds(ledger)` is true; looks after every change. False after `timeout` seconds."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: holds(self), timeout))

    def arrive(self, entry: Entry) -> None:
        """A submit has arrived."""
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    def write(self, entry: Entry, **changes: Any) -> None:
        """Something about a submit has become known."""
        with self._changed:
            for name, value in changes.items():
                setattr(entry, name, value)
            if entry.request_id:
                self._counts.setdefault(entry.request_id, Counts())
            self._changed.notify_all()

    def count(self, request_id: str, what: str) -> int:
        """One more of `what`, a field of Counts. Returns the new number."""
        with self._changed:
            counts = self._counts.setdefault(request_id, Counts())
            number: int = getattr(counts, what) + 1
            setattr(counts, what, number)
            self._changed.notify_all()
            return number

    def clear(self) -> None:
        """An empty ledger."""
        with self._changed:
            self._entries.clear()
            self._counts.clear()
            self._changed.notify_all()


def without_bulk(data: Any) -> Any:
    """A submit's parameters, with every long string replaced by its length. None where they are no object."""
    if not isinstance(data, dict):
        return None
    return {name[:BULK]: _brief(value) for name, value in data.items()}


def _brief(value: object) -> object:
    if isinstance(value, str) and len(value) > BULK:
        return f"({len(value)} characters)"
    if isinstance(value, dict | list):  # No documented parameter is one.
        return f"({type(value).__name__} of {len(value)})"
    return value


def callback_note(url: str, mode: str) -> dict[str, Any]:
    """What the ledger keeps of a callback's address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return {"host": "", "has_path": False, "mode": mode}
    return {"host": parts.netloc.rpartition("@")[2], "has_path": len(parts.path) > 1, "mode": mode}
