"""The one client of Pixazo's gateway, and the only import of httpx.

Three things about money and secrets decide how it is built:

- A submit is paid for and has no idempotency key. It goes out once, on a connection of its own (a kept one
  may be dead without our knowing), follows no redirect, and its end is sorted into one of four verdicts.
- Asking is free, so it reuses connections, and any trouble is an AskFailed: never an end of the render.
- A result's URL comes from outside. It is fetched without the key, from a checked address only.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from . import addresses
from .engine import Engine
from .outcomes import (
    AskFailed,
    FetchFailed,
    Submission,
    Verdict,
    describe,
    parse_retry_after,
    read_answer,
    read_body,
    sort_answer,
)
from .quiet import install, quiet
from .wire import MAX_BODY, Answer, BadPayload, read_error, redact_text

SUBMIT_SECONDS = 20.0
ASK_SECONDS = 15.0
FETCH_SECONDS = 60.0
FETCH_LIMIT = 32 * 1024 * 1024

_TIMEOUT = httpx.Timeout(connect=5.0, read=15.0, write=15.0, pool=5.0)
_ONE_USE = httpx.Limits(max_connections=None, max_keepalive_connections=0)
# Renders are asked for every 5 to 10 seconds: a kept connection must outlive that gap.
_KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30.0)
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SECRET_LENGTH = 16


class _TooLong(Exception):  # noqa: N818  as AskFailed
    """A body over its limit."""


class Pixazo:
    """``async with Pixazo(...) as pixazo``: made, used and closed within one event loop.

    ``result_hosts``: the hosts results may come from, as in ALLOWED_HOSTS; None is any public one.
    ``loopback`` also allows plain http and results from this machine, for the sandbox gateway. ``resolve``
    replaces the name look-up of results, ``ssl_context`` the authorities to trust. The environment's
    proxies are not used.

    Raises ValueError for a base URL or a key that cannot work. A cancelled call raises CancelledError as
    ever; the outcome of a cancelled submit is unknown.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        result_hosts: Sequence[str] | None = None,
        loopback: bool = False,
        user_agent: str = "django-vton",
        resolve: addresses.Resolve = addresses.resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        try:
            base = httpx.URL(base_url)
        except httpx.InvalidURL:
            base = httpx.URL()
        if (
            base.scheme not in ({"https", "http"} if loopback else {"https"})
            or not base.host
            or base.userinfo
        ):
            raise ValueError("The gateway's base URL must be https, with a host and without a user.")
        if not api_key.isascii() or not api_key.isprintable() or api_key != api_key.strip():
            raise ValueError("The API key has characters that no key has, perhaps a line break at its end.")
        self._base = base_url.rstrip("/")
        self._host = base.host
        self._key = api_key
        self._result_hosts = result_hosts
        self._loopback = loopback
        self._resolve = resolve
        context = ssl_context or httpx.create_ssl_context(trust_env=False)
        common = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        gateway = common | {
            "Accept": "application/json",
            "Cache-Control": "no-cache",
            "Ocp-Apim-Subscription-Key": api_key,
        }
        self._submits = _client(gateway, _ONE_USE, context)
        self._asks = _client(gateway, _KEPT, context)
        # Requests here go to addresses, and a pool keyed by address would hand one host's verified
        # connection to another host of the same network, so none is kept.
        self._results = _client(common | {"Accept": "image/*, */*;q=0.1"}, _ONE_USE, context)
        self._open = AsyncExitStack()

    def __repr__(self) -> str:
        return f"<Pixazo at {self._host}>"

    async def __aenter__(self) -> Self:
        install()
        for client in (self._submits, self._asks, self._results):
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with quiet():
            await self._open.aclose()

    async def submit(
        self,
        engine: Engine,
        body: Mapping[str, Any],
        *,
        callback_url: str | None = None,
        before_send: Callable[[], None] | None = None,
        seconds: float = SUBMIT_SECONDS,
    ) -> Submission:
        """Send one paid request, once, and sort its end. Network and vendor never make it raise.

        ``before_send`` is called when the connection stands and the next thing is the first byte: what it
        raises comes out of here, and nothing was sent. ``callback_url`` is left out where the engine has no
        callbacks; ValueError where the vendor could not use it.
        """
        headers = self._callback_headers(engine, callback_url)
        sending = _Sending(before_send)
        request = self._submits.build_request(
            "POST",
            self._base + engine.submit_path,
            json=dict(body),
            headers=headers,
            extensions={"trace": sending.trace, "timeout": _TIMEOUT.as_dict()},
        )
        try:
            with quiet():
                async with asyncio.timeout(seconds):
                    status_code, reply_headers, content = await self._exchange(self._submits, request)
        except Exception as trouble:  # Whatever it is, the money may be gone.
            if sending.stopped:
                raise
            not_sent = sending.connecting or isinstance(trouble, _NOT_CONNECTED)
            return Submission(
                verdict=Verdict.NOT_SENT if not_sent else Verdict.UNKNOWN, error=_describe(trouble)
            )
        return sort_answer(engine, status_code, content, parse_retry_after(reply_headers.get("Retry-After")))

    async def ask(self, engine: Engine, vendor_id: str) -> Answer:
        """Ask for the state of a render; AskFailed for anything but a readable answer about this render."""
        call = engine.status_call(vendor_id)
        request = self._asks.build_request(call.method, self._base + call.path, json=call.json)
        error = ""
        try:
            with quiet():
                async with asyncio.timeout(ASK_SECONDS):
                    status_code, headers, content = await self._exchange(self._asks, request)
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as trouble:
            error = _describe(trouble)
        if error:  # Raised out here, so that no exception that holds a URL hangs on to it.
            raise AskFailed(error)
        payload = read_body(content)
        if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
            try:
                answer = read_answer(engine, payload)
            except BadPayload as trouble:
                error = str(trouble)
            else:
                if answer.vendor_id == vendor_id:
                    return answer
                error = "the answer is about another render"
        elif isinstance(payload, dict):
            error = read_error(payload)
        raise AskFailed(
            describe(status_code, error),
            status_code=status_code,
            retry_after=parse_retry_after(headers.get("Retry-After")),
        )

    async def fetch(self, url: str, *, limit: int = FETCH_LIMIT, seconds: float = FETCH_SECONDS) -> bytes:
        """The bytes of a result, as served. Raises FetchFailed.

        https from public addresses, no redirects, no key, at most ``limit`` bytes within ``seconds``. The
        host is resolved once and the connection made to what was checked, so a name that changes its mind
        leads nowhere.
        """
        failure: FetchFailed | None = None
        try:
            with quiet():
                async with asyncio.timeout(seconds):
                    target = self._parse_result_url(url)
                    checked = await addresses.checked_addresses(
                        _ascii_host(target),
                        target.port or (443 if target.scheme == "https" else 80),
                        secure=target.scheme == "https",
                        loopback=self._loopback,
                        resolve=self._resolve,
                    )
                    return await self._fetch(target, checked, limit)
        except FetchFailed as known:
            failure = known
        except _TooLong:
            failure = FetchFailed(f"more than {limit} bytes", retryable=False)
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as trouble:
            failure = FetchFailed(_describe(trouble), retryable=True)
        failure.__context__ = None
        raise failure

    def _callback_headers(self, engine: Engine, url: str | None) -> dict[str, str]:
        if url is None:
            return {}
        schemes = ("https://", "http://") if self._loopback else ("https://",)
        if not url.startswith(schemes) or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("A callback URL must be https, in ASCII.")
        return engine.callback_headers(url)

    async def _exchange(
        self, client: httpx.AsyncClient, request: httpx.Request
    ) -> tuple[int, httpx.Headers, bytes | None]:
        """One request, and its answer's status, headers and body.

        The body is None where it is too long, and shorter where it breaks off: a refusal's status counts
        without it, and JSON tells whether it is whole, also where the connection stumbles after its end.
        """
        response = await client.send(request, stream=True)
        parts: list[bytes] = []
        try:
            await _read(response.aiter_bytes(), MAX_BODY, parts)
        except _TooLong:
            return response.status_code, response.headers, None
        except (httpx.HTTPError, httpx.StreamError, OSError):
            pass
        finally:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()
        content = b"".join(parts)
        if len(self._key) >= _SECRET_LENGTH:  # A gateway may repeat the key it refuses.
            content = content.replace(self._key.encode(), b"[key]")
        return response.status_code, response.headers, content

    def _parse_result_url(self, url: str) -> httpx.URL:
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            raise FetchFailed("not a URL", retryable=False) from None
        here = self._loopback and addresses.is_loopback(target.host)
        if target.scheme != "https" and not (target.scheme == "http" and self._loopback):
            raise FetchFailed("not https", retryable=False)
        if not target.host or target.userinfo or not 0 < (target.port or 443) < 2**16:
            raise FetchFailed("a URL without a host, with a user, or with no real port", retryable=False)
        if (
            self._result_hosts is not None
            and not here
            and not addresses.host_matches(target.host, self._result_hosts)
        ):
            raise FetchFailed("a host that is not among the result hosts", retryable=False)
        return target

    async def _fetch(self, target: httpx.URL, checked: Sequence[str], limit: int) -> bytes:
        """Try the addresses in turn: the first may be of a protocol that this machine does not speak."""
        for address in checked[:-1]:
            try:
                return await self._fetch_from(target, address, limit)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._fetch_from(target, checked[-1], limit)

    async def _fetch_from(self, target: httpx.URL, address: str, limit: int) -> bytes:
        request = self._results.build_request(
            "GET",
            target.copy_with(host=address),
            headers={"Host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": _ascii_host(target), "timeout": _TIMEOUT.as_dict()},
        )
        response = await self._results.send(request, stream=True)
        try:
            if response.status_code != HTTPStatus.OK:
                # Files appear late and hosts stumble, and the picture is paid for: only "gone", "moved" and
                # the like end it.
                retryable = response.is_error and response.status_code != HTTPStatus.GONE
                raise FetchFailed(f"HTTP {response.status_code}", retryable=retryable)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise FetchFailed("encoded, though asked not to be", retryable=False)
            if int(response.headers.get("Content-Length", "0")) > limit:
                raise _TooLong
            parts: list[bytes] = []
            await _read(response.aiter_raw(), limit, parts)
            return b"".join(parts)
        finally:
            await response.aclose()


class _Sending:
    """Follows a submit through httpx's ``trace`` extension, to know whether anything has left."""

    def __init__(self, before_send: Callable[[], None] | None) -> None:
        self._before_send = before_send
        self.connecting = False
        """Seen to connect, and not seen to send. False without trace events, so that the end is UNKNOWN."""
        self.stopped = False
        """Whether ``before_send`` raised."""

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.connecting = True
        elif event.endswith(".send_request_headers.started"):
            if self._before_send is not None:
                self.stopped = True
                self._before_send()
                self.stopped = False
            self.connecting = False


def _client(headers: Mapping[str, str], limits: httpx.Limits, context: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers=dict(headers),
        limits=limits,
        timeout=_TIMEOUT,
        verify=context,
        trust_env=False,
        follow_redirects=False,
    )


def _describe(trouble: Exception) -> str:
    return redact_text(f"{type(trouble).__name__}: {trouble}".removesuffix(": "))


def _ascii_host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


async def _read(chunks: AsyncIterator[bytes], limit: int, parts: list[bytes]) -> None:
    """Add to `parts` what comes, so that it is there also where the end goes wrong."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _TooLong
        parts.append(chunk)
