"""Misbehaviour as data: what the gateway does differently, and to which submits."""

import threading
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

Submit = Literal["", "close", "hang", "no_id", "terminal"]
Result = Literal["", "broken", "html", "truncated", "cut", "missing", "redirect", "endless"]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is different about a submit and its render. Every default is good behaviour.

    Raises ValueError for a value of a wrong type or one that is not among a field's choices.
    """

    # Which submits
    engine: Literal["", "fashn-v1.6", "glass-v1"] = ""  #: only this engine's; "" = both
    times: int | None = 1  #: how many submits; None = all that follow
    every: int = 1  #: only every so-many-th matching submit

    # The submit's answer
    submit_status: int = 0  #: refused with this status and the documented body; 502 and 504 come as HTML
    submit_error: str = ""  #: the text under "error" instead of the documented one
    submit_html: bool = False  #: the refusal's body is a proxy's HTML page
    retry_after: int | None = None  #: seconds, as a Retry-After header
    accepted: bool = False  #: with submit_status: accepted, charged and rendered nevertheless
    submit: Submit = ""  #: accepted and charged, but: connection closed, no answer at all, an answer without
    #: request_id, or the terminal status with its output at once
    submit_seconds: float = 0  #: the answer is held back so long, after the charge

    # The render
    seconds: float | None = None  #: how long it takes; None = the gateway's own
    running: str = ""  #: a status in place of PROCESSING (Glass: submitted)
    outcome: str = "COMPLETED"  #: last status: COMPLETED, FAILED, ERROR, or any other, which then never ends
    error: str = ""  #: the error text with FAILED and ERROR

    # Asking for the status
    unknown_asks: int = 0  #: the first so many asks answer 404
    failed_asks: int = 0  #: the next so many answer 500

    # The callback
    callbacks: int = 1  #: 0 = none, 2 = one duplicate
    callback_seconds: float = 0  #: so much later than the end
    callback_early: bool = False  #: the render ends and calls back before the submit is answered
    callback_body: str | None = None  #: sent in place of the status

    # The pictures
    result: Result = ""  #: noise, an HTML page, half an image, half an answer, 404, 302, or 64 MB
    result_seconds: float = 0  #: the picture's bytes take so long
    result_times: int | None = None  #: so many fetches; None = all
    result_url: str = ""  #: given as the picture's URL in place of the gateway's own

    def __post_init__(self) -> None:
        hints = _hints()
        for each in fields(self):
            value = getattr(self, each.name)
            if not _fits(value, hints[each.name]):
                raise ValueError(f"{each.name}: {value!r} is not {_words(hints[each.name])}")
        if self.every < 1:
            raise ValueError("every: must be 1 or more")

    @classmethod
    def from_json(cls, data: object) -> "Scenario":
        """From a JSON object. Raises ValueError that names an unknown field."""
        if not isinstance(data, Mapping):
            raise ValueError("a JSON object is needed")  # noqa: TRY004 - it is data, not a bug
        unknown = sorted(str(name) for name in data.keys() - _hints().keys())
        if unknown:
            raise ValueError(f"unknown field: {', '.join(unknown)}")
        return cls(**data)

    def as_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)


UNHEARD_OF = 1_000_000


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(Scenario)


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if isinstance(hint, types.UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if hint in {int, float}:
        kinds = (int, float) if hint is float else (int,)
        # A bool is an int to Python; NaN is no number of seconds.
        return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < UNHEARD_OF
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(each) for each in get_args(hint))
    return f"a fitting {getattr(hint, '__name__', hint)}"


GOOD = Scenario()


class Scenarios:
    """The scenarios that wait for their submits, in the order in which they were set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def add(self, scenario: Scenario) -> None:
        """Appends a scenario; the first one that applies to a submit wins."""
        with self._lock:
            self._waiting.append(_Waiting(scenario, scenario.times))

    def clear(self) -> None:
        """Back to good behaviour."""
        with self._lock:
            self._waiting.clear()

    def take(self, engine: str) -> Scenario:
        """The scenario for a submit that has just arrived."""
        with self._lock:
            for waiting in self._waiting:
                if waiting.applies_to(engine):
                    return waiting.scenario
        return GOOD


@dataclass
class _Waiting:
    scenario: Scenario
    left: int | None
    seen: int = 0

    def applies_to(self, engine: str) -> bool:
        if self.left == 0 or self.scenario.engine not in {"", engine}:
            return False
        self.seen += 1
        if self.seen % self.scenario.every:
            return False
        if self.left is not None:
            self.left -= 1
        return True
