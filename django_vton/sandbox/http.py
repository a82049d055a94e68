"""HTTP/1.1 on asyncio streams, parsed and framed by h11.

Plain streams let a scenario leave a request unanswered, stop in the middle of a body, or send 64 MB.
This module logs nothing, because the URLs of photos and callbacks are secret.
"""

import asyncio
import http.client
import ipaddress
import json
import re
import ssl
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import h11

MAX_BODY = 40 * 1024 * 1024  # More than two Base64 images of 10 MB in JSON.
ENDLESS_BYTES = 64 * 1024 * 1024
CHUNK = 64 * 1024
HANG_SECONDS = 600
URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)

Delivery = Literal["complete", "close", "hang", "cut", "endless"]


class RequestError(Exception):
    """A request to another server failed. The message gives the reason but never the URL."""


@dataclass(frozen=True)
class Request:
    """A complete request. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body's JSON, or None if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Response:
    """A response to send.

    `delivery` "close" closes the connection without a response, "hang" sends nothing, "cut" sends half of the
    body, "endless" continues the body with 64 MB of zeros. `seconds` is how long sending the body takes.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = "complete"
    seconds: float = 0


def json_response(status: int, data: Any, **headers: str) -> Response:
    """Return a response with `data` as JSON."""
    return Response(status, json.dumps(data).encode(), headers=headers)


def is_loopback(host: str) -> bool:
    """Return whether a URL's host is this machine, without resolving it by DNS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_cross_site(request: Request, host: str) -> bool:
    """Return whether a page of another site sent this request. The gateway listens on `host`.

    A browser sends the page's site as `Origin`. With DNS rebinding, another site's name resolves to this
    machine: `Origin` then matches `Host`, but both name that site.
    """
    host_header, origin = request.headers.get("host", ""), request.headers.get("origin")
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return True
    is_own_origin = origin is None or origin.lower() == f"http://{host_header}".lower()
    return not (is_own_origin and (is_loopback(name) or name == host))


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(CHUNK))
    return event


async def read_request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """Return the next request. Return None if the client has closed the connection.

    Raise `h11.RemoteProtocolError`, with the status to send as `error_status_hint`, for an invalid request.
    """
    head = await _next_event(connection, reader)
    if isinstance(head, h11.ConnectionClosed):
        return None
    headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    if "transfer-encoding" in headers:
        raise h11.RemoteProtocolError("Send a Content-Length", error_status_hint=411)
    if int(headers.get("content-length", 0)) > MAX_BODY:
        raise h11.RemoteProtocolError("Body too large", error_status_hint=413)
    if connection.they_are_waiting_for_100_continue:
        writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])))
    body = bytearray()
    while isinstance(event := await _next_event(connection, reader), h11.Data):
        body += event.data
    path, _, query = head.target.decode().partition("?")
    return Request(head.method.decode(), path, query, headers, bytes(body))


async def write_response(
    connection: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    response: Response,
) -> bool:
    """Send a response. Return whether the connection can be used for another request.

    Raise `h11.LocalProtocolError` after the head if HTTP allows no body: for HEAD, 204 and 304.
    """
    if response.delivery == "close":
        return False
    if response.delivery == "hang":
        await asyncio.wait_for(reader.read(1), HANG_SECONDS)
        return False
    headers = {
        "Date": formatdate(usegmt=True),
        "Content-Type": response.content_type,
        **response.headers,
        "Cache-Control": "no-store",
    }
    if response.delivery == "endless":
        await _write_endless(writer, response.body, headers)
        return False
    headers["Content-Length"] = str(len(response.body))
    body = response.body
    if response.delivery == "cut":
        headers["Connection"] = "close"
        body = body[: len(body) // 2]
    reason = http.client.responses.get(response.status, "")
    head = h11.Response(status_code=response.status, headers=list(headers.items()), reason=reason)
    writer.write(connection.send(head))
    step = max(1, len(body) // 20 if response.seconds else len(body))
    for start in range(0, len(body), step):
        writer.write(connection.send(h11.Data(data=body[start : start + step])))
        await writer.drain()
        await asyncio.sleep(response.seconds / 20)
    if response.delivery == "cut":
        return False
    writer.write(connection.send(h11.EndOfMessage()))
    await writer.drain()
    if (connection.our_state, connection.their_state) != (h11.DONE, h11.DONE):
        return False
    connection.start_next_cycle()
    return True


async def _write_endless(writer: asyncio.StreamWriter, start: bytes, headers: dict[str, str]) -> None:
    # h11 would use chunked encoding. In this response, only closing the connection ends the body.
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + start)
    for _ in range((ENDLESS_BYTES - len(start)) // CHUNK):
        writer.write(bytes(CHUNK))
        await writer.drain()


async def send_request(
    method: str, url: str, *, body: bytes = b"", seconds: float, limit: int
) -> tuple[int, bytes]:
    """Send a request to another server. A POST sends `body` as JSON. Return the response's status and body.

    Redirects are not followed. Raise `RequestError` if there is no complete response within `seconds`, or if
    its body has more than `limit` bytes.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(method, url, body, limit)
    except TimeoutError:
        raise RequestError(f"no response within {seconds:g} s") from None
    except (OSError, ValueError, h11.ProtocolError) as error:
        raise RequestError(str(error) or type(error).__name__) from None


async def _exchange(method: str, url: str, body: bytes, limit: int) -> tuple[int, bytes]:
    if not URL.fullmatch(url):
        raise ValueError("not an HTTP URL, or it contains a space or a character outside ASCII")
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("the URL has no host name")
    context = _tls_context() if parts.scheme == "https" else None
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": "vton-sandbox",
        "Connection": "close",
    }
    if method == "POST":
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(method=method, target=target, headers=list(headers.items()))
    port = parts.port or (443 if context else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    try:
        for part in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(part))
        await writer.drain()
        status, received = 0, bytearray()
        while not isinstance(event := await _next_event(connection, reader), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                received += event.data
                if len(received) > limit:
                    raise ValueError(f"more than {limit} bytes")
        return status, bytes(received)
    finally:
        writer.close()


@cache
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()
