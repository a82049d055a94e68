"""HTTP/1.1 on asyncio streams, as much of it as a gateway on loopback needs (RFC 9112).

By hand, because half of the work is to answer badly on purpose: to hang, to cut a body, to never end one.
"""

import asyncio
import http
import http.client
import io
import ipaddress
import json
import ssl
from dataclasses import dataclass, field
from email.message import Message
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

MAX_HEAD = 64 * 1024
MAX_BODY = 40 * 1024 * 1024  # Two images of 10 MB as Base64 in JSON, and room.
MAX_ENDLESS = 64 * 1024 * 1024
CHUNK = 64 * 1024
IDLE_SECONDS = 120
HANG_SECONDS = 600

Manner = Literal["whole", "close", "hang", "cut", "endless"]


class MalformedError(Exception):
    """The other side does not speak HTTP as this module does; `status` answers a request like that."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(Exception):
    """A URL gave no usable answer. The message names the reason and never the URL."""


@dataclass(frozen=True)
class Request:
    """A request as it arrived, read whole."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Response:
    """An answer. `manner` is how it is sent; `seconds` spreads the body over that time."""

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    manner: Manner = "whole"
    seconds: float = 0


def json_response(status: int, data: Any, **headers: str) -> Response:
    """`data` as JSON."""
    return Response(status, json.dumps(data).encode(), headers=headers)


def is_loopback(host: str) -> bool:
    """Whether a host name of a URL means this machine, without asking DNS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_ours(request: Request, host: str) -> bool:
    """Whether no page of another site has sent this, where `host` is what the gateway is bound to.

    A browser sends such a page's request with the page's `Origin`. Where a site's DNS server gives this
    machine's address for its name, the requests of its pages have that name in `Host`.
    """
    named, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    try:
        name = urlsplit(f"//{named}").hostname or ""
    except ValueError:
        return False
    is_own_page = origin is None or origin.lower() == f"http://{named}".lower()
    return is_own_page and (is_loopback(name) or name == host)


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection; None where the client has left. Raises MalformedError."""
    head = await _read_head(reader)
    if head is None:
        return None
    line, headers = head
    try:
        method, target, _version = line.split(" ")
    except ValueError:
        raise MalformedError(400, "Malformed request line") from None
    if "Transfer-Encoding" in headers:
        raise MalformedError(411, "Send a Content-Length")
    length = headers.get("Content-Length", "0")
    if not (length.isascii() and length.isdigit()):
        raise MalformedError(400, "Malformed Content-Length")
    if int(length) > MAX_BODY:
        raise MalformedError(413, "Body too large")
    if headers.get("Expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    body = await reader.readexactly(int(length))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, Message] | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise MalformedError(431, "Head too large") from None
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise MalformedError(400, "Incomplete head") from None
        return None
    line, _, rest = head.partition(b"\r\n")
    try:
        return line.decode("ascii"), http.client.parse_headers(io.BytesIO(rest))
    except (UnicodeDecodeError, http.client.HTTPException):
        raise MalformedError(400, "Malformed head") from None


async def write_response(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, response: Response, *, keep_alive: bool
) -> bool:
    """Sends `response` in its manner. Returns whether the connection may carry another request."""
    if response.manner == "close":
        return False
    if response.manner == "hang":
        await asyncio.wait_for(reader.read(1), HANG_SECONDS)
        return False
    stays = keep_alive and response.manner == "whole"
    head = {
        "Content-Type": response.content_type,
        **response.headers,
        "Cache-Control": "no-store",
        "Connection": "keep-alive" if stays else "close",
    }
    if response.manner != "endless":
        head["Content-Length"] = str(len(response.body))
    lines = [
        f"HTTP/1.1 {response.status} {_reason(response.status)}",
        *(f"{k}: {v}" for k, v in head.items()),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    await _write_body(writer, response)
    return stays


async def _write_body(writer: asyncio.StreamWriter, response: Response) -> None:
    body = response.body[: len(response.body) // 2] if response.manner == "cut" else response.body
    if response.seconds:
        step = max(1, len(body) // 20)
        for start in range(0, len(body), step):
            writer.write(body[start : start + step])
            await writer.drain()
            await asyncio.sleep(response.seconds / 20)
    else:
        writer.write(body)
    await writer.drain()
    if response.manner == "endless":
        for _ in range((MAX_ENDLESS - len(body)) // CHUNK):
            writer.write(bytes(CHUNK))
            await writer.drain()


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unnamed"


async def call(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    seconds: float,
    limit: int,
) -> tuple[int, bytes]:
    """One exchange with another server: status and body. Follows no redirect. Raises UnreachableError.

    `seconds` bounds the whole exchange, `limit` the body's bytes.
    It speaks HTTP/1.0, in which no answer is chunked.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(method, url, headers or {}, body, limit)
    except TimeoutError:
        raise UnreachableError(f"no answer within {seconds:g} s") from None
    except (OSError, ValueError, EOFError, MalformedError) as error:
        raise UnreachableError(str(error) or type(error).__name__) from None


async def _exchange(
    method: str, url: str, headers: dict[str, str], body: bytes, limit: int
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or not url.isascii()
        or not url.isprintable()
    ):
        raise ValueError("not a URL")
    if " " in url:
        raise ValueError("a space in the URL")
    context = _tls() if parts.scheme == "https" else None
    port = parts.port or (443 if context else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": "vton-sandbox",
        "Connection": "close",
        **headers,
    }
    if body:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.0", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=MAX_HEAD)
    try:
        writer.write("\r\n".join(lines).encode("ascii") + body)
        await writer.drain()
        return await _read_answer(reader, limit)
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader, limit: int) -> tuple[int, bytes]:
    head = await _read_head(reader)
    if head is None:
        raise ValueError("closed without an answer")
    status = int(head[0].split(" ")[1]) if " " in head[0] else 0
    announced = head[1].get("Content-Length")
    if announced is not None and int(announced) > limit:
        raise ValueError(f"more than {limit} bytes")
    received = bytearray()
    while announced is None or len(received) < int(announced):
        chunk = await reader.read(CHUNK)
        if not chunk:
            break
        received += chunk
        if len(received) > limit:
            raise ValueError(f"more than {limit} bytes")
    if announced is not None and len(received) != int(announced):
        raise ValueError("the answer was cut short")
    return status, bytes(received)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
