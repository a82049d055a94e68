"""Record exchanges with the vendor for a transcript: all of their shape, and none of their secrets.

A record is redacted before it leaves the client. It has no key, no link, no Base64 and no picture, but the
names, the nesting, the ids and the status words, and a placeholder where a URL was.
"""

import codecs
import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import quote

from .parsing import parse_json, redact_text, remove_secret

logger = logging.getLogger(__name__)

REMOVED_URL = "https://removed.invalid/"
"""The beginning of the placeholder of a URL. A number follows, which is the same for equal URLs of a body."""
CALLBACK_URL = REMOVED_URL + "callback"
REMOVED = "[removed]"
CUT = "[cut]"
"""The placeholder of what is beyond the limits."""

MAX_DEPTH = 20
MAX_ITEMS = 100
"""The maximum number of members of one object or list."""
MAX_SIZE = 16_000
"""The approximate maximum number of characters of one body."""
MAX_TEXT = 1000
MIN_KEY_LENGTH = 16

Kind = Literal["submit", "poll", "download", "callback"]
Observer = Callable[["ExchangeRecord"], None]

_REQUEST_HEADERS = frozenset({"accept", "content-length", "content-type", "user-agent"})
_RESPONSE_HEADERS = frozenset(
    {
        *("content-type", "content-length", "content-encoding", "date", "location", "retry-after", "server"),
        # By these, the vendor's support finds a request.
        *("apim-request-id", "cf-ray", "request-id", "x-correlation-id", "x-ms-request-id", "x-request-id"),
    }
)
_SECRET_NAME = re.compile(
    r"(key|token|secret|password|authorization|cookie|signature|credentials?)$", re.IGNORECASE
)
_TOKEN = re.compile(r"[\w-]{32,}", re.ASCII)
_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
_LAST_WORD = re.compile(r'[^\s"<>]+\Z')
_CASES = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRecord:
    """A redacted request and its response, or the lack of one.

    A body is `{"json": value}`, `{"text": "..."}`, `{"bytes": 1234, "begins": "89504e47"}` for a download
    and other binary data, `{"too_long": True}`, or {}.
    """

    kind: Kind
    method: str
    path: str
    """The path below the vendor's host without a query; the URL's placeholder for a download."""
    request_headers: dict[str, str] = field(default_factory=dict)
    request_body: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    """The HTTP status; None if no response was received."""
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    """The network error."""
    began: float
    """When the exchange began on the monotonic clock."""
    seconds: float


class Redactor:
    """Redact the parts of one body. `secrets` are removed wherever they are; `vendor_id` is kept."""

    def __init__(
        self, *, vendor_id: str | None = None, callback_url: str | None = None, secrets: tuple[str, ...] = ()
    ) -> None:
        is_url = vendor_id is None or ":/" in vendor_id or vendor_id.startswith("data:")
        self._kept = () if is_url else (vendor_id, quote(vendor_id or "", safe=""))
        self._callback_url = callback_url
        self._secrets = secrets
        self._urls: dict[str, int] = {}
        self._left = MAX_SIZE

    def text(self, text: str, limit: int = MAX_TEXT) -> str:
        """Return at most `limit` characters of a text, without secrets."""
        if text in self._kept:
            return text
        if len(text) > 4 * limit:  # Cut between words, so that no part of a secret is left.
            text = _LAST_WORD.sub(REMOVED, text[: 4 * limit])
        clean = redact_text(text, 4 * limit, self._redact_word)
        for secret in self._secrets:
            clean = clean.replace(secret, REMOVED)
        return clean[:limit]

    def value(self, value: object, depth: int = MAX_DEPTH) -> Any:
        """Return a copy of a JSON value."""
        self._left -= 4
        if depth == 0 or self._left < 0:
            return CUT
        match value:
            case Mapping():
                items = list(value.items())
                kept = items[:MAX_ITEMS]
                copy = {self.text(str(name), 100): self._member(name, it, depth) for name, it in kept}
                return copy if len(items) == len(kept) else copy | {CUT: len(items) - len(kept)}
            case list() | tuple():
                members = [self.value(member, depth - 1) for member in value[:MAX_ITEMS]]
                return members if len(value) == len(members) else [*members, CUT]
        return self._scalar(value)

    def _scalar(self, value: object) -> str | float | None:
        match value:
            case str():
                text = self.text(value)
                self._left -= len(text)
                return text
            case bool() | None:
                return value
            case float() if math.isfinite(value):
                return value
            case int() if abs(value) < 2**63:  # Not every database stores larger numbers.
                return value
        return CUT

    def body(self, content: bytes | None) -> dict[str, Any]:
        """Return a body as in `ExchangeRecord`. None stands for one that was too long or not decodable."""
        if content is None:
            return {"too_long": True}
        if not content:
            return {}
        payload = parse_json(content)
        if payload is not None:
            return {"json": self.value(payload)}
        try:
            text = codecs.getincrementaldecoder("utf-8")().decode(content[: 5 * MAX_TEXT])
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            return _describe_bytes(content)
        return {"text": self.text(text)}

    def headers(self, headers: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
        """Return these headers, and all that begin with "X-Webhook-", with lower-case names."""
        lowered = {name.lower(): value for name, value in headers.items()}
        return {
            name: self._member(name, value, 2)
            for name, value in sorted(lowered.items())
            if name in names or name.startswith("x-webhook-")
        }

    def path(self, path: str) -> str:
        """Return a path without its query."""
        return "/".join(self.text(part, 300) for part in path.partition("?")[0].split("/"))

    def _member(self, key: object, value: object, depth: int) -> Any:
        is_secret = isinstance(value, str) and _SECRET_NAME.search(str(key)) is not None
        return REMOVED if is_secret and value not in self._kept else self.value(value, depth - 1)

    def _redact_word(self, word: str) -> str:
        if word in self._kept:
            return word
        if word == self._callback_url:
            return CALLBACK_URL
        if re.search("https?://", word, re.IGNORECASE):
            return f"{REMOVED_URL}{self._urls.setdefault(word, len(self._urls) + 1)}"
        return REMOVED if _is_random(word) else remove_secret(word)


def _describe_bytes(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "begins": content[:4].hex()} if content else {}


def _is_random(word: str) -> bool:
    """Return whether a word can be a token or a line of Base64, and not a name or a hexadecimal id."""
    return any(all(case.search(run) for case in _CASES) for run in _RANDOM.findall(word))


def _is_key(name: str, value: str) -> bool:
    """Return whether a header is the key. A short one, as for the sandbox, could be any word."""
    return len(value) >= MIN_KEY_LENGTH and _SECRET_NAME.search(name) is not None


def _tokens(value: object) -> Iterator[str]:
    """Yield the tokens of the URLs in a request."""
    if isinstance(value, Mapping | list | tuple):
        for member in value.values() if isinstance(value, Mapping) else value:
            yield from _tokens(member)
    elif isinstance(value, str) and value[:4].lower() == "http":
        yield from _TOKEN.findall(value)


class _Request(Protocol):
    """An `httpx.Request`."""

    method: str
    url: Any

    @property
    def headers(self) -> Mapping[str, str]: ...


class Recorder:
    """Records one exchange of the client, unless `observer` is None. It never raises an error."""

    def __init__(
        self,
        observer: Observer | None,
        kind: Kind,
        request: _Request | None = None,
        body: object = None,
        callback_url: str | None = None,
    ) -> None:
        """`body` is the JSON of the request to the gateway; a download has neither."""
        self._observer = observer
        self._kind: Kind = kind
        self._request = request
        self._body = body
        self._callback_url = callback_url
        self._began = time.monotonic()

    def finish(
        self,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = b"",
        *,
        error: str = "",
        vendor_id: str | None = None,
    ) -> None:
        """Tell the observer of the response or the network error. The answer is `vendor_id`'s, if known."""
        if self._observer is None:
            return
        try:
            self._observer(self._create_record(status, headers or {}, content, error, vendor_id))
        except Exception as problem:  # noqa: BLE001 - the response may have been paid for
            logger.warning("An exchange was not recorded: %s", type(problem).__name__)

    def _create_record(
        self,
        status: int | None,
        headers: Mapping[str, str],
        content: bytes | None,
        error: str,
        vendor_id: str | None,
    ) -> ExchangeRecord:
        seconds = time.monotonic() - self._began
        sent = self._request
        given = {} if sent is None else sent.headers
        keys = [value for name, value in given.items() if _is_key(name, value)]
        secrets = (*keys, *_tokens([self._body, self._callback_url]))

        def redactor() -> Redactor:
            return Redactor(vendor_id=vendor_id, callback_url=self._callback_url, secrets=secrets)

        request, response = redactor(), redactor()
        return ExchangeRecord(
            kind=self._kind,
            method="GET" if sent is None else sent.method,
            path=f"{REMOVED_URL}1" if sent is None else request.path(sent.url.raw_path.decode()),
            request_headers=request.headers(given, _REQUEST_HEADERS),
            request_body={} if self._body is None else {"json": request.value(self._body)},
            status=status,
            response_headers=response.headers(headers, _RESPONSE_HEADERS),
            # The page of a storage can quote the parts of the URL, which are not known here.
            response_body=_describe_bytes(content or b"") if sent is None else response.body(content),
            error=response.text(error),
            began=self._began,
            seconds=seconds,
        )


def record_callback(
    *, path: str, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], status: int, began: float
) -> ExchangeRecord:
    """Return the record of a callback. `secrets` are the key and the token of its URL, not in `path`."""
    redactor = Redactor(secrets=secrets)
    return ExchangeRecord(
        kind="callback",
        method="POST",
        path=path,
        request_headers=redactor.headers(headers, _REQUEST_HEADERS),
        request_body=redactor.body(body),
        status=status,
        began=began,
        seconds=time.monotonic() - began,
    )
