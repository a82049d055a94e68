"""The HTTP client of Pixazo's gateway.

Its design follows from three facts about money and secrets:

- A submit costs money and has no idempotency key. It is sent once, on a new connection (a kept-alive one
  might have died unnoticed), without following redirects, and its outcome is one of four.
- Polling is free. It reuses connections, and every error is a `PollFailed`, which never ends a render.
- A result's URL comes from outside. It is downloaded without the key, and only from a checked IP address.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus
from typing import Any, Self

from . import ssrf
from .downloads import ResultDownloader
from .engine import Engine
from .exchanges import Observer, Recorder
from .http_library import httpx
from .log_filter import install_log_filter, suppress_http_logs
from .parsing import MAX_BODY, BadPayload, VendorResponse, parse_json
from .responses import (
    DownloadFailed,
    PollFailed,
    SubmitOutcome,
    SubmitResult,
    classify_response,
    describe_response,
    parse_response,
    parse_retry_after,
)
from .transport import (
    KEY_HEADER,
    NETWORK_ERRORS,
    ONE_USE,
    TIMEOUT,
    BodyTooLong,
    decompress,
    describe_error,
    new_client,
    read_chunks,
)

POLL_TIMEOUT_SECONDS = 15.0
DOWNLOAD_TIMEOUT_SECONDS = 60.0
DOWNLOAD_MAX_BYTES = 32 * 1024 * 1024

# Renders are polled every 5 to 10 seconds, so idle connections must live longer than that. Every call checks
# all idle connections, so few are kept: at twenty try-ons a second, six are in use at once.
_KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=6, keepalive_expiry=30.0)
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SECRET_LENGTH = 16


class PixazoClient:
    """A client for one event loop. Use it with `async with PixazoClient(...) as pixazo`.

    `result_hosts` lists the allowed hosts of results, written as in ALLOWED_HOSTS; None allows any public
    host. `loopback` also allows plain http and results from this machine, for the sandbox gateway. `resolve`
    replaces the DNS lookup for results, and `ssl_context` the default TLS settings. Proxies from the
    environment are ignored.

    Raise `ValueError` if the base URL or the key is invalid. A canceled call raises `CancelledError`; the
    outcome of a canceled submit is unknown.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        result_hosts: Sequence[str] | None = None,
        loopback: bool = False,
        user_agent: str = "django-vton",
        resolve: ssrf.Resolve = ssrf.resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        try:
            base = httpx.URL(base_url)
        except httpx.InvalidURL:
            base = httpx.URL()
        schemes = {"https", "http"} if loopback else {"https"}
        if base.scheme not in schemes or not base.host or base.userinfo:
            raise ValueError("The gateway's base URL must be https, with a host and without a user.")
        if not api_key.isascii() or not api_key.isprintable() or api_key != api_key.strip():
            raise ValueError("The API key must be printable ASCII without leading or trailing white space.")
        self._base = base_url.rstrip("/")
        self._host = base.host
        self._key = api_key
        self._loopback = loopback
        common = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        gateway = common | {
            "Accept": "application/json",
            "Cache-Control": "no-cache",
            KEY_HEADER: api_key,
        }
        self._submits = new_client(gateway, ONE_USE, ssl_context)
        self._polls = new_client(gateway, _KEPT, ssl_context)
        self._downloads = new_client(common | {"Accept": "image/*, */*;q=0.1"}, ONE_USE, ssl_context)
        self._downloader = ResultDownloader(
            http=self._downloads, hosts=result_hosts, loopback=loopback, resolve=resolve
        )
        self._open = AsyncExitStack()

    def __repr__(self) -> str:
        return f"<PixazoClient at {self._host}>"

    async def __aenter__(self) -> Self:
        install_log_filter()
        for client in (self._submits, self._polls, self._downloads):
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(self, *_error: object) -> None:
        with suppress_http_logs():
            await self._open.aclose()

    async def submit(
        self,
        engine: Engine,
        body: Mapping[str, Any],
        *,
        callback_url: str | None = None,
        before_send: Callable[[], None] | None = None,
        seconds: float | None = None,
        on_exchange: Observer | None = None,
    ) -> SubmitResult:
        """Send a paid request once and classify its outcome. Network and vendor errors do not raise.

        `before_send` is called after the connection is established and before the first byte is sent. If it
        raises, nothing is sent and the exception propagates. `callback_url` is ignored if the engine has no
        header for it. `seconds` limits the whole call, by default as the engine declares. `on_exchange` gets
        a redacted record. Raise `ValueError` if `callback_url` is not an https URL in ASCII.
        """
        seconds = engine.submit_seconds if seconds is None else seconds
        headers = self._callback_headers(engine, callback_url)
        sending = _SendTrace(before_send)
        request = self._submits.build_request(
            "POST",
            self._base + engine.submit_path,
            json=dict(body),
            headers=headers,
            extensions={"trace": sending.trace, "timeout": TIMEOUT.as_dict() | {"read": seconds}},
        )
        recorder = Recorder(on_exchange, "submit", request, body, callback_url)
        try:
            with suppress_http_logs():
                status_code, reply_headers, content = await self._exchange(self._submits, request, seconds)
        except Exception as error:  # After any error, the render might have been charged.
            recorder.finish(error=describe_error(error))
            if sending.is_stopped:
                raise
            not_sent = sending.is_connecting or isinstance(error, _NOT_CONNECTED)
            return SubmitResult(
                outcome=SubmitOutcome.NOT_SENT if not_sent else SubmitOutcome.UNKNOWN,
                error=describe_error(error),
                is_unreachable=not_sent,
            )
        result = classify_response(
            engine, status_code, content, parse_retry_after(reply_headers.get("Retry-After"))
        )
        vendor_id = result.answer.vendor_id if result.answer else None
        recorder.finish(status_code, reply_headers, content, vendor_id=vendor_id)
        return result

    async def poll(
        self, engine: Engine, vendor_id: str, *, on_exchange: Observer | None = None
    ) -> VendorResponse:
        """Return the vendor's response about a render. Raise `PollFailed` if there is no usable response.

        `on_exchange` gets a redacted record.
        """
        call = engine.status_request(vendor_id)
        request = self._polls.build_request(call.method, self._base + call.path, json=call.json)
        recorder = Recorder(on_exchange, "poll", request, call.json)
        error = ""
        try:
            with suppress_http_logs():
                status_code, headers, content = await self._exchange(
                    self._polls, request, POLL_TIMEOUT_SECONDS
                )
        except NETWORK_ERRORS as network_error:
            error = describe_error(network_error)
        if error:  # Raised outside of `except`, so that no exception with a URL is chained to it.
            recorder.finish(error=error, vendor_id=vendor_id)
            raise PollFailed(error)
        recorder.finish(status_code, headers, content, vendor_id=vendor_id)
        payload = parse_json(content)
        if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
            try:
                answer = parse_response(engine, payload, vendor_id)
            except BadPayload as problem:
                error = str(problem)
            else:
                if answer.vendor_id == vendor_id:
                    return answer
                error = "the response is about another render"
        else:
            error = engine.parse_error(payload)
        raise PollFailed(
            describe_response(status_code, error),
            status_code=status_code,
            retry_after=parse_retry_after(headers.get("Retry-After")),
        )

    async def download(
        self,
        url: str,
        *,
        limit: int = DOWNLOAD_MAX_BYTES,
        seconds: float = DOWNLOAD_TIMEOUT_SECONDS,
        on_exchange: Observer | None = None,
    ) -> bytes:
        """Return the bytes of a result. Raise `DownloadFailed` if they cannot be downloaded.

        The download fails above `limit` bytes or `seconds`. It uses https and a public IP address, sends no
        key and follows no redirects. The host is resolved once and the connection is made to the checked IP
        address, so a DNS record that changes afterwards has no effect. `on_exchange` gets a redacted record.
        """
        recorder = Recorder(on_exchange, "download")
        try:
            with suppress_http_logs():
                data = await self._downloader.download(url, limit=limit, seconds=seconds)
        except DownloadFailed as failure:
            recorder.finish(failure.status_code, error=failure.error)
            raise
        recorder.finish(HTTPStatus.OK, content=data)
        return data

    def _callback_headers(self, engine: Engine, url: str | None) -> dict[str, str]:
        if url is None:
            return {}
        schemes = ("https://", "http://") if self._loopback else ("https://",)
        if not url.startswith(schemes) or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("A callback URL must be https and ASCII.")
        return engine.callback_headers(url)

    async def _exchange(
        self, client: httpx.AsyncClient, request: httpx.Request, seconds: float
    ) -> tuple[int, httpx.Headers, bytes | None]:
        """Send a request and return the response's status, headers and body.

        The body is None if it is too long or cannot be decoded. If the connection breaks or the time ends
        while it is read, the body is incomplete and no error is raised: a refusal's status code is enough,
        and broken JSON is not parsed. Raise `TimeoutError` if the headers do not arrive within `seconds`.
        """
        ends_at = asyncio.get_running_loop().time() + seconds
        async with asyncio.timeout_at(ends_at):
            response = await client.send(request, stream=True)
        body = bytearray()
        try:
            async with asyncio.timeout_at(ends_at):
                await read_chunks(response.aiter_raw(), MAX_BODY, body)
        except BodyTooLong:
            return response.status_code, response.headers, None
        except (httpx.HTTPError, httpx.StreamError, OSError):
            pass
        finally:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()
        try:
            content = decompress(bytes(body), response.headers.get("Content-Encoding", ""), MAX_BODY)
        except (BodyTooLong, ValueError):
            return response.status_code, response.headers, None
        if len(self._key) >= _SECRET_LENGTH:  # A refusal can quote the key.
            content = content.replace(self._key.encode(), b"[key]")
        return response.status_code, response.headers, content


class _SendTrace:
    """Follow a submit through httpx's `trace` extension, to know whether any byte has been sent."""

    def __init__(self, before_send: Callable[[], None] | None) -> None:
        self._before_send = before_send
        self.is_connecting = False
        """Whether connecting has begun but sending has not. Stays False without trace events."""
        self.is_stopped = False
        """Whether `before_send` raised."""

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.is_connecting = True
        elif event.endswith(".send_request_headers.started"):
            if self._before_send is not None:
                self.is_stopped = True
                self._before_send()
                self.is_stopped = False
            self.is_connecting = False
