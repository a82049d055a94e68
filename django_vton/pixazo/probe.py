"""A single free request that tells what happened at each step: look-up, connection, TLS and response."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from . import ssrf, transport
from .http_library import httpx
from .log_filter import install_log_filter, suppress_http_logs
from .transport import NETWORK_ERRORS, ONE_USE, BodyTooLong, describe_error, new_client, read_chunks

MAX_BODY_BYTES = 4096
"""How much of the body is kept."""

PROBE_SECONDS = 10.0
"""The time limit of one probe."""

Step = Literal["look-up", "connection", "tls", "response"]


@dataclass(kw_only=True)
class Probe:
    """What is known about a request. What comes after the step that failed keeps its default."""

    failed: Step | None = None
    """The step that failed, or None if a response was received."""
    error: str = ""
    """Why it failed, for staff, without URLs."""
    addresses: Sequence[str] = ()
    """The IP addresses of the host."""
    connect_seconds: float = 0.0
    """The duration of the look-up, the connection and TLS together."""
    response_seconds: float = 0.0
    """The duration from then until the headers of the response."""
    certificate_ends: datetime | None = None
    """When the host's certificate expires; None without TLS."""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of the response, with case-insensitive names."""
    body: bytes = field(default=b"", repr=False)
    """The beginning of the body."""
    received_at: float = 0.0
    """When the headers were received, by this host's clock, as `time.time()`."""

    @property
    def server_time(self) -> datetime | None:
        """The time of the server's clock, or None if the response does not tell it."""
        try:
            moment = parsedate_to_datetime(self.headers.get("Date", ""))
        except (TypeError, ValueError):
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def send_probe(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    seconds: float = PROBE_SECONDS,
) -> Probe:
    """Send a request without following redirects. Network errors do not raise."""
    probe = Probe(failed="look-up")
    common = {"User-Agent": "django-vton", "Accept-Encoding": "identity", **(headers or {})}
    install_log_filter()
    try:
        with suppress_http_logs():
            target = httpx.URL(url)
            async with asyncio.timeout(seconds), new_client(common, ONE_USE) as http:
                began = time.monotonic()
                probe.addresses = await ssrf.resolve(target.host, target.port or 443)
                probe.failed = "connection"
                await _exchange(http, http.build_request(method, target, json=json), probe, began)
    except TimeoutError:
        probe.error = f"nothing came within {seconds:.0f} s"
    except (*NETWORK_ERRORS, httpx.InvalidURL, UnicodeError) as error:
        probe.error = _describe(error)
    return probe


async def _exchange(http: httpx.AsyncClient, request: httpx.Request, probe: Probe, began: float) -> None:
    async def trace(event: str, _info: Mapping[str, Any]) -> None:
        if event == "connection.start_tls.started":
            probe.failed = "tls"
        elif event.endswith(".send_request_headers.started"):
            probe.connect_seconds = time.monotonic() - began
            probe.failed = "response"

    request.extensions = {**request.extensions, "trace": trace, "timeout": transport.TIMEOUT.as_dict()}
    response = await http.send(request, stream=True)
    try:
        probe.failed, probe.received_at = None, time.time()
        probe.response_seconds = time.monotonic() - began - probe.connect_seconds
        probe.status, probe.headers = response.status_code, response.headers
        probe.certificate_ends = _certificate_end(response)
        body = bytearray()
        # The status and the headers are enough if the rest does not come.
        with suppress(BodyTooLong, TimeoutError, *NETWORK_ERRORS):
            await read_chunks(response.aiter_raw(MAX_BODY_BYTES), MAX_BODY_BYTES, body)
        probe.body = bytes(body)
    finally:
        with suppress(*NETWORK_ERRORS):
            await response.aclose()


def _certificate_end(response: httpx.Response) -> datetime | None:
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = connection.getpeercert() if connection is not None else None
    if not certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


def _describe(error: BaseException) -> str:
    """Describe an error. Of a certificate that is not accepted, return only what is wrong with it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message or "the certificate cannot be verified"
        cause = cause.__cause__ or cause.__context__
    return describe_error(error) if isinstance(error, Exception) else type(error).__name__
