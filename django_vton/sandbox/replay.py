"""Replay a transcript of `vton_transcript --json`: the vendor's answers to a shop, given to another one."""

import io
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from PIL import Image

from .http import Request, Response
from .ledger import Entry, Ledger, describe_callback, without_long_values
from .renderer import Renderer

FORMAT = "django-vton transcript 1"
CALLBACK_URL = "https://removed.invalid/callback"
REMOVED_URL = re.compile(r"https?://removed\.invalid/(\w+)")
NOT_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "LeaseExpired")
"""The beginnings of errors of submits that the vendor has not received."""

IMAGE_FOLDER = "_replay"
IMAGE_SIZE = (864, 1296)


@dataclass
class Replay:
    """One attempt of a transcript: its submit, and the answers that follow."""

    engine: str
    request_id: str
    amount: int  #: micro-USD, charged if the vendor has accepted the submit
    is_accepted: bool
    submit: Mapping[str, Any]
    polls: list[Mapping[str, Any]]
    callbacks: list[tuple[int, Mapping[str, Any]]]  #: each with the number of polls before it
    entry: Entry | None = None
    callback_url: str = ""
    next_poll: int = 0

    def is_submit(self, request: Request) -> bool:
        """Return whether a request is this submit."""
        return (request.method, request.path) == (self.submit["method"], self.submit["path"])

    def is_poll(self, request: Request) -> bool:
        """Return whether a request polls this render. The id can be in the path or in the body."""
        return any(
            (request.method, request.path) == (poll["method"], poll["path"])
            and poll["request"]["body"].get("json") == request.json()
            for poll in self.polls[:1]
        )


def read_transcript(data: object) -> list[Replay]:
    """Return the attempts of a transcript that have reached the vendor. Raise `ValueError` if it is none."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise ValueError(f"not a transcript: the format must be {FORMAT!r}")
    try:
        replays = [replay for attempt in data["attempts"] if (replay := _read_attempt(attempt)) is not None]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a transcript: {type(error).__name__}: {error}") from None
    if not replays:
        raise ValueError("the transcript has no submit that has reached the vendor")
    return replays


def _read_attempt(attempt: Mapping[str, Any]) -> Replay | None:
    submit: Mapping[str, Any] | None = None
    polls: list[Mapping[str, Any]] = []
    callbacks: list[tuple[int, Mapping[str, Any]]] = []
    for exchange in attempt["exchanges"]:
        (exchange["method"], exchange["path"], exchange["status"], exchange["error"])  # Raises KeyError.
        _body(exchange["response"]["body"])
        _body(exchange["request"]["body"])
        match exchange["kind"]:
            case "submit" if not exchange["error"].startswith(NOT_SENT):
                submit = exchange
            case "poll":
                polls.append(exchange)
            case "callback":
                callbacks.append((len(polls), exchange))
    if submit is None:
        return None
    is_success = 200 <= (submit["status"] or 0) <= 299  # noqa: PLR2004 - the HTTP class of success
    request_id = attempt["vendor_id"]
    return Replay(
        engine=str(attempt["engine"]),
        request_id=str(request_id or f"replay-{attempt['number']}"),
        amount=round(float(attempt["price_usd"]) * 1_000_000),
        is_accepted=bool(request_id) or (is_success and attempt["outcome"] != "refused"),
        submit=submit,
        polls=polls,
        callbacks=callbacks,
    )


@dataclass
class Replays:
    """The attempts that wait for their submit, and those that have got it. Thread-safe."""

    waiting: list[Replay] = field(default_factory=list)
    running: list[Replay] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, data: object) -> None:
        """Add a transcript. Raise `ValueError` as `read_transcript`."""
        with self.lock:
            self.waiting += read_transcript(data)

    def clear(self) -> None:
        """Remove all."""
        with self.lock:
            self.waiting, self.running = [], []

    def find(self, request: Request) -> Replay | None:
        """Return the attempt that answers a request, or None. A submit gets the first one that waits."""
        with self.lock:
            submits = (replay for replay in self.waiting if replay.is_submit(request))
            polls = (replay for replay in reversed(self.running) if replay.is_poll(request))
            return next(submits, None) or next(polls, None)

    def start(self, replay: Replay) -> None:
        """Move an attempt to those that have got their submit."""
        with self.lock:
            self.waiting.remove(replay)
            self.running.append(replay)


class Replayer:
    """Answers the requests of the attempts, and sends their callbacks."""

    def __init__(self, replays: Replays, ledger: Ledger, renderer: Renderer) -> None:
        self._replays, self._ledger, self._renderer = replays, ledger, renderer

    def respond(self, replay: Replay, request: Request) -> Response:
        """Return the recorded answer to a submit or a poll."""
        if replay.entry is None:
            return self._submit(replay, request)
        self._ledger.count(replay.request_id, "asks")
        poll = replay.polls[min(replay.next_poll, len(replay.polls) - 1)]
        replay.next_poll += 1
        response = self._response(replay, poll)
        self._record_status(replay, poll["response"]["body"].get("json"))
        self._send_callbacks(replay)
        return response

    def image(self, request: Request) -> Response:
        """Return a picture in place of a result whose URL was removed."""
        request_id, _, name = request.path.removeprefix(f"/{IMAGE_FOLDER}/").partition("/")
        self._ledger.count(unquote(request_id), "media_fetches")
        shade = 60 + sum(name.encode()) % 180
        out = io.BytesIO()
        Image.new("RGB", IMAGE_SIZE, (shade, 120, 255 - shade)).save(out, "PNG")
        return Response(200, out.getvalue(), "image/png")

    def _submit(self, replay: Replay, request: Request) -> Response:
        self._replays.start(replay)
        body = request.json()
        replay.callback_url = _find_callback(replay.submit["request"], request.headers, body)
        replay.entry = Entry(
            datetime.now(UTC).isoformat(),
            replay.engine,
            outcome="accepted" if replay.is_accepted else "refused",
            answer=replay.submit["status"],
            request_id=replay.request_id if replay.is_accepted else None,
            amount=replay.amount if replay.is_accepted else 0,
            callback=describe_callback(replay.callback_url, "replay") if replay.callback_url else None,
            body=without_long_values(body),
        )
        self._ledger.add(replay.entry)
        self._record_status(replay, replay.submit["response"]["body"].get("json"))
        self._send_callbacks(replay)
        return self._response(replay, replay.submit)

    def _record_status(self, replay: Replay, answer: object) -> None:
        """Show the status in the ledger. In the document: "System error - not charged"."""
        status = answer.get("status") if isinstance(answer, Mapping) else None
        if replay.entry is not None and replay.is_accepted and isinstance(status, str):
            refund = {"amount": 0, "refunded": True} if status.upper() == "ERROR" else {}
            self._ledger.update(replay.entry, state=status, **refund)

    def _send_callbacks(self, replay: Replay) -> None:
        """Send the callbacks that came after as many polls as there have been now."""
        due = [body for polls, body in replay.callbacks if polls <= replay.next_poll]
        replay.callbacks = replay.callbacks[len(due) :]
        if due and replay.callback_url:
            contents = [self._content(replay, callback["request"]["body"]) for callback in due]
            self._renderer.send_later(replay.request_id, replay.callback_url, contents)

    def _response(self, replay: Replay, exchange: Mapping[str, Any]) -> Response:
        if exchange["status"] is None:
            return Response(delivery="close")
        body, headers = exchange["response"]["body"], exchange["response"]["headers"]
        return Response(
            exchange["status"],
            self._content(replay, body),
            headers.get("content-type", "application/json"),
            headers={"Retry-After": headers["retry-after"]} if "retry-after" in headers else {},
            delivery="endless" if body.get("too_long") else "complete",
        )

    def _content(self, replay: Replay, body: Mapping[str, Any]) -> bytes:
        """Return a body in which each removed URL is the URL of a picture, or of this submit's callback."""
        images = f"{self._renderer.base_url}/{IMAGE_FOLDER}/{quote(replay.request_id, safe='')}/"

        def url(match: re.Match[str]) -> str:
            is_callback = match[0] == CALLBACK_URL and replay.callback_url
            return replay.callback_url if is_callback else f"{images}{match[1]}.png"

        return _body(body, lambda text: REMOVED_URL.sub(url, text))


def _body(body: Mapping[str, Any], replace: Any = str) -> bytes:
    """Return the bytes of a recorded body; `replace` changes its text."""
    if "json" in body:
        return bytes(replace(json.dumps(body["json"])).encode())
    if "bytes" in body:
        return bytes.fromhex(body["begins"]).ljust(min(int(body["bytes"]), 1_000_000), b"\0")
    return bytes(replace(body.get("text", "")).encode())


def _find_callback(recorded: Mapping[str, Any], headers: Mapping[str, str], body: object) -> str:
    """Return the callback's URL of a submit, which is where it was in the recorded submit; "" without."""
    for name, value in recorded["headers"].items():
        if value == CALLBACK_URL:
            return headers.get(name, "")
    return _find_in_body(recorded["body"].get("json"), body)


def _find_in_body(recorded: object, value: object) -> str:
    if recorded == CALLBACK_URL:
        return value if isinstance(value, str) else ""
    members: list[tuple[object, object]] = []
    if isinstance(recorded, Mapping) and isinstance(value, Mapping):
        members = [(member, value.get(name)) for name, member in recorded.items()]
    elif isinstance(recorded, list) and isinstance(value, list):
        members = list(zip(recorded, value, strict=False))
    return next(filter(None, (_find_in_body(*pair) for pair in members)), "")
