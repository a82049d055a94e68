"""The base class of the vendor's engines, and a render by one of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, unquote

from .error_responses import error_response
from .http import Request, Response
from .ledger import Entry
from .parameters import InvalidParameterError, Parameters
from .scenario import Scenario


@dataclass(frozen=True)
class Poll:
    """The endpoint for the status of a render. Without a `field` in its body, the path ends with the ID."""

    method: Literal["GET", "POST"]
    path: str
    field: str = ""

    def matches(self, request: Request) -> bool:
        """Return whether a request is for this endpoint."""
        is_path = request.path == self.path if self.field else request.path.startswith(self.path)
        return is_path and request.method == self.method

    def read_id(self, request: Request) -> str:
        """Return the ID of the polled render. Raise `InvalidParameterError` without one."""
        if not self.field:
            return unquote(request.path.removeprefix(self.path))
        body = request.json()
        request_id = body.get(self.field) if isinstance(body, dict) else None
        if not isinstance(request_id, str):
            raise InvalidParameterError(f"{self.field} is required and must be a string")
        return request_id


UNIVERSAL_POLL = Poll("GET", "/v2/requests/status/")


class Engine(ABC):
    """One of the vendor's engines: its limits, and the JSON that it reads and writes."""

    name: str
    price: int  #: micro-USD per image
    submit_path: str
    poll: Poll
    id_names: tuple[str, ...] = ("request_id",)  #: the fields that a response without an ID lacks
    is_synchronous: bool = False  #: whether the response to a submit is sent when the render has ended
    queued: str  #: the status before processing starts
    processing: str  #: the status during processing
    lower_case: bool = True  #: whether the engine writes statuses in lower case
    image_formats: tuple[str, ...]  #: Pillow's names
    max_image_bytes: int
    min_image_side: int  #: pixels
    loads_at_submit: bool  #: True: an unusable image is refused with 400. False: its render fails.
    result_name: str  #: the file name of the results, without extension

    @abstractmethod
    def new_id(self) -> str:
        """Return a request ID in the documented format."""

    @abstractmethod
    def read(self, body: object, headers: Mapping[str, str]) -> Parameters:
        """Return the parameters of a submit. Raise `InvalidParameterError` if one is not as documented."""

    def spell(self, status: str) -> str:
        """Return a status as the engine writes it."""
        return status.lower() if self.lower_case else status

    def refusal(self, status: int, message: str) -> Response:
        """Return the response to a submit or a poll that the engine refuses."""
        return error_response(status, message)

    @abstractmethod
    def submit_json(self, render: "Render", base_url: str) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON of the response to an accepted submit."""

    @abstractmethod
    def status_json(self, render: "Render", base_url: str) -> dict[str, Any]:
        """Return the JSON with the status and, once the render has ended, the result or the error."""


@dataclass
class Render:
    """An accepted submit."""

    engine: Engine
    request_id: str
    parameters: Parameters
    scenario: Scenario
    entry: Entry
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None
    status: str = ""
    error: str = ""
    inputs: list[bytes] = field(default_factory=list, repr=False)  #: photo, product; only if loaded at submit
    results: list[bytes] = field(default_factory=list, repr=False)

    def result_paths(self, extension: str) -> list[str]:
        """Return the paths at which the results are served."""
        name = self.engine.result_name
        suffixes = ["", *(f"-{number}" for number in range(2, len(self.results) + 1))]
        request_id = quote(self.request_id, safe="")
        return [f"/v1/{request_id}/{name}{suffix}.{extension}" for suffix in suffixes]

    def result_urls(self, base_url: str, extension: str) -> list[str]:
        """Return the URLs of the results. A scenario can replace them by another URL."""
        if self.scenario.result_url:
            return [self.scenario.result_url] * len(self.results)
        return [base_url + path for path in self.result_paths(extension)]
