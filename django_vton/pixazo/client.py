"""The one client of Pixazo's gateway.

Three things about money and secrets decide how it is built:

- A submit is paid for and has no idempotency key. It goes out once, on a connection of its own (a kept one
  may be dead without our knowing), follows no redirect, and its end is sorted into one of four verdicts.
- Asking is free, so it reuses connections, and any trouble is an PollFailed: never an end of the render.
- A result's URL comes from outside. It is fetched without the key, from a checked address only.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from . import ssrf
from .downloads import Results
from .engine import Engine
from .log_filter import install, quiet
from .parsing import MAX_BODY, Answer, BadPayload, read_error
from .transport import TROUBLE, TooLong, decoded, describe_trouble, read
from .verdicts import (
    PollFailed,
    Submission,
    Verdict,
    describe,
    parse_retry_after,
    read_answer,
    read_body,
    sort_answer,
)

SUBMIT_SECONDS = 20.0
ASK_SECONDS = 15.0
FETCH_SECONDS = 60.0
FETCH_LIMIT = 32 * 1024 * 1024

_TIMEOUT = httpx.Timeout(connect=5.0, read=15.0, write=15.0, pool=5.0)
_ONE_USE = httpx.Limits(max_connections=None, max_keepalive_connections=0)
# Renders are asked for every 5 to 10 seconds: a kept connection must outlive that gap. Few are kept, since
# each call looks at all of them: six are as many as are in the air at twenty try-ons a second.
_KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=6, keepalive_expiry=30.0)
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SECRET_LENGTH = 16


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
        resolve: ssrf.Resolve = ssrf.resolve,
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
        self._loopback = loopback
        context = ssl_context or httpx.create_ssl_context(trust_env=False)
        common = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        gateway = common | {
            "Accept": "application/json",
            "Cache-Control": "no-cache",
            "Ocp-Apim-Subscription-Key": api_key,
        }
        self._submits = _client(gateway, _ONE_USE, context)
        self._asks = _client(gateway, _KEPT, context)
        self._downloads = _client(common | {"Accept": "image/*, */*;q=0.1"}, _ONE_USE, context)
        self._results = Results(self._downloads, hosts=result_hosts, loopback=loopback, resolve=resolve)
        self._open = AsyncExitStack()

    def __repr__(self) -> str:
        return f"<Pixazo at {self._host}>"

    async def __aenter__(self) -> Self:
        install()
        for client in (self._submits, self._asks, self._downloads):
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
                verdict=Verdict.NOT_SENT if not_sent else Verdict.UNKNOWN, error=describe_trouble(trouble)
            )
        return sort_answer(engine, status_code, content, parse_retry_after(reply_headers.get("Retry-After")))

    async def ask(self, engine: Engine, vendor_id: str) -> Answer:
        """Ask for the state of a render; PollFailed for anything but a readable answer about this render."""
        call = engine.status_call(vendor_id)
        request = self._asks.build_request(call.method, self._base + call.path, json=call.json)
        error = ""
        try:
            with quiet():
                async with asyncio.timeout(ASK_SECONDS):
                    status_code, headers, content = await self._exchange(self._asks, request)
        except TROUBLE as trouble:
            error = describe_trouble(trouble)
        if error:  # Raised out here, so that no exception that holds a URL hangs on to it.
            raise PollFailed(error)
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
        raise PollFailed(
            describe(status_code, error),
            status_code=status_code,
            retry_after=parse_retry_after(headers.get("Retry-After")),
        )

    async def fetch(self, url: str, *, limit: int = FETCH_LIMIT, seconds: float = FETCH_SECONDS) -> bytes:
        """The bytes of a result, as served. Raises DownloadFailed.

        https from public addresses, no redirects, no key, at most ``limit`` bytes within ``seconds``. The
        host is resolved once and the connection made to what was checked, so a name that changes its mind
        leads nowhere.
        """
        with quiet():
            return await self._results.fetch(url, limit=limit, seconds=seconds)

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

        The body is None where it is too long or cannot be decoded, and shorter where it breaks off: a
        refusal's status counts without it, and JSON tells whether it is whole, also where the connection
        stumbles after its end.
        """
        response = await client.send(request, stream=True)
        body = bytearray()
        try:
            await read(response.aiter_raw(), MAX_BODY, body)
        except TooLong:
            return response.status_code, response.headers, None
        except (httpx.HTTPError, httpx.StreamError, OSError):
            pass
        finally:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()
        try:
            content = decoded(bytes(body), response.headers.get("Content-Encoding", ""), MAX_BODY)
        except (TooLong, ValueError):
            return response.status_code, response.headers, None
        if len(self._key) >= _SECRET_LENGTH:  # A gateway may repeat the key it refuses.
            content = content.replace(self._key.encode(), b"[key]")
        return response.status_code, response.headers, content


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
