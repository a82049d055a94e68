"""Scenarios describe how the gateway misbehaves, and for which submits."""

import threading
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

EngineName = Literal["", "fashn-v1.6", "glass-v1", "idm-vton", "clothing-vton", "kling"]
Submit = Literal["", "close", "hang", "no_id", "queued", "terminal"]
Blocked = Literal["", "all", "product"]
Result = Literal["", "broken", "html", "truncated", "cut", "missing", "redirect", "endless"]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a submit and its render differ from the documented behavior. By default nothing differs.

    Raise `ValueError` if a value has the wrong type or is not one of the field's choices.
    """

    # Which submits
    engine: EngineName = ""  #: only submits to this engine; "" = all
    times: int | None = 1  #: the number of submits; None = all
    every: int = 1  #: 3 = only every third of the submits to the engine

    # The response to the submit
    submit_status: int = 0  #: refuse with this status and the documented body, or with HTML for 502 and 504
    submit_error: str = ""  #: the value of "error", instead of the documented text
    submit_code: int = 0  #: refuse with status 200 and this code in the body, as Kling does
    submit_html: bool = False  #: refuse with a proxy's HTML page
    retry_after: int | None = None  #: the Retry-After header, in seconds
    accepted: bool = False  #: accept, charge and render in spite of submit_status or submit_code
    submit: Submit = ""  #: after the charge: "close" the connection; "hang" without a response; respond with
    #: "no_id"; respond at once with the final status and result ("terminal"), or before the render has ended
    #: although the engine is synchronous ("queued")
    request_id: str = ""  #: the id, instead of a documented one
    submit_seconds: float = 0  #: the delay of the response after the charge

    # The render
    seconds: float | None = None  #: the duration of the render; None = the gateway's default
    running: str = ""  #: the status instead of PROCESSING (Glass: submitted)
    outcome: str = "COMPLETED"  #: COMPLETED, FAILED or ERROR; with any other status, the render never ends
    error: str = ""  #: the error text of FAILED and ERROR
    unchanged: bool = False  #: the result is the photo, without the product
    blocked: Blocked = ""  #: the images whose URLs cannot be downloaded, as if a firewall before the shop
    #: answered with 403: "all", or only the "product" image. The render fails.

    # Polls of the status
    unknown_asks: int = 0  #: the number of polls that get 404 first
    failed_asks: int = 0  #: the number of polls that get 500 after that

    # The callback
    callbacks: int = 1  #: the number of callbacks at the end: 0 = none, 2 = with a duplicate
    callback_seconds: float = 0  #: the delay after the end of the render
    callback_early: bool = False  #: the callback arrives before the response to the submit
    callback_body: str | None = None  #: the body, instead of the status

    # Downloads of the result
    result: Result = ""  #: "broken" = zeros, "truncated" = half an image, "cut" = half of the announced
    #: bytes, "missing" = 404, "redirect" = 302, "endless" = 64 MB
    result_seconds: float = 0  #: the duration of a download
    result_times: int | None = None  #: the number of downloads that `result` applies to; None = all
    result_url: str = ""  #: the result's URL, instead of the gateway's

    def __post_init__(self) -> None:
        annotations = _annotations()
        for each in fields(self):
            value = getattr(self, each.name)
            if not _is_valid(value, annotations[each.name]):
                raise ValueError(f"{each.name}: {value!r} is not {_describe(annotations[each.name])}")
        if self.submit_status and not 200 <= self.submit_status <= 999:  # noqa: PLR2004 - RFC 9110
            raise ValueError("submit_status: must be 0 or a final HTTP status")
        if self.every < 1:
            raise ValueError("every: must be 1 or more")

    @property
    def submit_fails(self) -> bool:
        """Whether the response to the submit is a refusal."""
        return bool(self.submit_status or self.submit_code)

    @classmethod
    def from_json(cls, data: object) -> "Scenario":
        """Create a scenario from a JSON object. Raise `ValueError` if a field is unknown or invalid."""
        if not isinstance(data, Mapping):
            raise ValueError("must be a JSON object")  # noqa: TRY004 - a client sent it
        unknown = sorted(str(name) for name in data.keys() - _annotations().keys())
        if unknown:
            raise ValueError(f"unknown field: {', '.join(unknown)}")
        return cls(**data)


MAX_NUMBER = 1_000_000


@cache
def _annotations() -> dict[str, Any]:
    return get_type_hints(Scenario)


def _is_valid(value: object, annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return isinstance(value, str) and value in get_args(annotation)
    if isinstance(annotation, types.UnionType):
        return any(_is_valid(value, each) for each in get_args(annotation))
    if annotation in {int, float}:
        types_ = (int, float) if annotation is float else (int,)
        # A bool is an int too. NaN fails the comparison.
        return isinstance(value, types_) and not isinstance(value, bool) and 0 <= value < MAX_NUMBER
    return isinstance(value, annotation)


def _describe(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(repr(each) for each in get_args(annotation))
    return f"a valid {getattr(annotation, '__name__', annotation)}"


class Scenarios:
    """The scenarios for future submits, in the order in which they were added. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[_Pending] = []

    def add(self, scenario: Scenario) -> None:
        """Add a scenario. A submit gets the first scenario that applies to it."""
        with self._lock:
            self._pending.append(_Pending(scenario, scenario.times))

    def clear(self) -> None:
        """Remove all scenarios."""
        with self._lock:
            self._pending.clear()

    def next_for(self, engine: str) -> Scenario:
        """Return the scenario for a new submit, and count the submit."""
        with self._lock:
            applying = (each.scenario for each in self._pending if each.applies_to(engine))
            return next(applying, Scenario())


@dataclass
class _Pending:
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
