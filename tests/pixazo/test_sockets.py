"""The client on real sockets: connections, half-sent requests, TLS, and logging."""

import asyncio
import logging
import ssl
import traceback
from collections.abc import Callable
from itertools import chain, repeat

import httpx
import pytest

from django_vton.pixazo import ENGINES, DownloadFailed, PollFailed, SubmitOutcome, client
from django_vton.pixazo.client import PixazoClient

from . import payloads
from .conftest import KEY
from .servers import Exchange, Handler, never_respond, respond_always, respond_endlessly, serve

FASHN = ENGINES["fashn-v1.6"]
LINK = "https://shop.example/files/PHOTO-CANARY/"
BODY = FASHN.submit_body(LINK, LINK, {})
QUEUED = payloads.FASHN_QUEUED.encode()
Connect = Callable[..., PixazoClient]


async def respond_and_close(exchange: Exchange) -> None:
    """Promise to keep the connection alive, then close it, as a gateway does with idle connections."""
    await exchange.request()
    await exchange.answer(QUEUED, "202 Accepted", "Connection: keep-alive")


async def hang(exchange: Exchange) -> None:
    await exchange.reader.read(1)
    await asyncio.Event().wait()


# -- Submits


@pytest.mark.parametrize("handler", [respond_always(QUEUED, "202 Accepted"), respond_and_close])
async def test_each_submit_opens_a_new_connection(connect: Connect, handler: object) -> None:
    async with serve(handler) as server, connect(server.url) as pixazo:  # type: ignore[arg-type]
        for _ in range(6):
            assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.ACCEPTED
        assert server.connections == 6


async def test_a_closed_port_means_not_sent(connect: Connect) -> None:
    async with serve(never_respond) as server:
        pass
    async with connect(server.url) as pixazo:
        calls: list[int] = []
        submission = await pixazo.submit(FASHN, BODY, before_send=lambda: calls.append(1))
        assert (submission.outcome, calls) == (SubmitOutcome.NOT_SENT, [])


@pytest.mark.parametrize(
    "response", [b"", b"HTTP/1.1 202 Acc", b"garbage\r\n\r\n", b"HTTP/1.1 202 OK\r\nX\r\n\r\n"]
)
async def test_a_connection_broken_after_the_request_means_unknown(connect: Connect, response: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(response)

    async with serve(handler) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.UNKNOWN
        assert len(server.requests) == 1


async def test_a_connection_reset_while_sending_means_unknown(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reader.readuntil(b"\r\n\r\n")
        exchange.writer.transport.abort()

    async with serve(handler) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, {"x": "x" * 20_000_000})).outcome is SubmitOutcome.UNKNOWN
        assert server.connections == 1


async def test_a_truncated_response_means_unknown(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 999\r\n\r\n" + QUEUED[:-1])

    async with serve(handler) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.UNKNOWN


async def test_a_complete_body_counts_although_the_connection_breaks(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 999\r\n\r\n" + QUEUED)

    async with serve(handler) as server, connect(server.url) as pixazo:
        submission = await pixazo.submit(FASHN, BODY)
        assert submission.outcome is SubmitOutcome.ACCEPTED
        assert submission.answer is not None
        assert submission.answer.vendor_id


async def test_a_response_timeout_means_unknown(connect: Connect) -> None:
    async with serve(never_respond) as server, connect(server.url) as pixazo:
        submission = await pixazo.submit(FASHN, BODY, seconds=0.3)
        assert (submission.outcome, submission.error) == (SubmitOutcome.UNKNOWN, "TimeoutError")
        assert len(server.requests) == 1


def trickle(*response: bytes, drop: bytes) -> Handler:
    """A handler that sends a part of a response, and then a drop 20 times a second without end."""

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        for part in chain(response, repeat(drop)):
            await exchange.send(part)
            await asyncio.sleep(0.05)

    return handler


async def test_headers_that_trickle_mean_unknown(connect: Connect) -> None:
    async with (
        serve(trickle(b"HTTP/1.1 202 Accepted\r\n", drop=b"X: y\r\n")) as server,
        connect(server.url) as pixazo,
    ):
        submission = await pixazo.submit(FASHN, BODY, seconds=0.3)
        assert (submission.outcome, submission.error) == (SubmitOutcome.UNKNOWN, "TimeoutError")


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (b"202 Accepted", QUEUED, SubmitOutcome.ACCEPTED),
        (b"202 Accepted", QUEUED[:-1], SubmitOutcome.UNKNOWN),
        (b"400 Bad Request", b"", SubmitOutcome.REFUSED),
    ],
)
async def test_a_body_that_trickles_counts_as_far_as_it_has_arrived(
    connect: Connect, status: bytes, body: bytes, outcome: SubmitOutcome
) -> None:
    head = b"HTTP/1.1 %s\r\nContent-Length: 999999\r\n\r\n" % status
    async with serve(trickle(head, body, drop=b" ")) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY, seconds=0.5)).outcome is outcome
        assert len(server.requests) == 1


async def test_a_half_closed_connection_means_unknown(connect: Connect) -> None:
    """The vendor reads the request, but has closed its own direction before."""

    async def handler(exchange: Exchange) -> None:
        exchange.writer.write_eof()
        await never_respond(exchange)

    async with serve(handler) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.UNKNOWN
        assert len(server.requests) <= 1


async def test_a_tls_timeout_means_not_sent(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", httpx.Timeout(10, connect=0.3))
    async with serve(hang) as server, connect(f"https://127.0.0.1:{server.port}") as pixazo:
        submission = await pixazo.submit(FASHN, BODY)
        assert (submission.outcome, submission.error) == (SubmitOutcome.NOT_SENT, "ConnectTimeout")
        assert server.received == b""


async def test_a_dns_timeout_means_not_sent(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_args: object, **_options: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    async with connect() as pixazo:
        submission = await pixazo.submit(FASHN, BODY, seconds=0.3)
        assert (submission.outcome, submission.error) == (SubmitOutcome.NOT_SENT, "TimeoutError")


async def test_an_untrusted_certificate_means_not_sent(connect: Connect, server_tls: ssl.SSLContext) -> None:
    async with (
        serve(respond_always(QUEUED), server_tls) as server,
        connect(f"https://127.0.0.1:{server.port}") as pixazo,
    ):
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.NOT_SENT
        assert server.requests == []


async def test_before_send_is_called_before_the_first_byte_and_can_stop_the_submit(connect: Connect) -> None:
    def stop() -> None:
        raise PermissionError("the lease is over")

    hung_up = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await respond_always(QUEUED)(exchange)
        hung_up.set()

    async with serve(handler) as server, connect(server.url) as pixazo:
        with pytest.raises(PermissionError, match="lease"):
            await pixazo.submit(FASHN, BODY, before_send=stop)
        await hung_up.wait()  # There was a connection, and nothing was sent on it.
        assert server.received == b""
        calls: list[int] = []
        assert (await pixazo.submit(FASHN, BODY, before_send=lambda: calls.append(1))).answer
        assert calls == [1]


async def test_a_canceled_submit_raises_cancelled_error(connect: Connect) -> None:
    async with serve(never_respond) as server, connect(server.url) as pixazo:
        task = asyncio.create_task(pixazo.submit(FASHN, BODY))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_redirected_submit_means_unknown_and_is_not_followed(connect: Connect) -> None:
    async with serve(respond_always(QUEUED)) as other:
        moved = respond_always(b"", "307 Temporary Redirect", f"Location: {other.url}/x")
        async with serve(moved) as server, connect(server.url) as pixazo:
            assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.UNKNOWN
        assert other.connections == 0


async def test_an_endless_response_means_unknown(connect: Connect) -> None:
    async with serve(respond_endlessly) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.UNKNOWN


async def test_proxies_from_the_environment_are_ignored(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serve(respond_always(QUEUED)) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.ACCEPTED


# -- Polls


async def test_polls_reuse_a_connection(connect: Connect) -> None:
    async with serve(respond_always(QUEUED)) as server, connect(server.url) as pixazo:
        for _ in range(5):
            await pixazo.poll(FASHN, payloads.FASHN_ID)
        assert (server.connections, len(server.requests)) == (1, 5)


# -- Secrets


async def test_no_log_repr_or_traceback_contains_a_url_or_the_key(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    loggers = [name for name in logging.root.manager.loggerDict if name.startswith("http")]
    assert {httpx.__name__, httpx.__name__.replace("httpx", "httpcore") + ".http11"} <= {*loggers}
    for name in ("asyncio", *loggers):
        caplog.set_level(logging.DEBUG, logger=name)
    seen: list[str] = []

    async def record(call: object) -> None:
        try:
            seen.append(repr(await call))  # type: ignore[misc]  # any of the client's calls
        except (PollFailed, DownloadFailed) as error:
            seen.extend((repr(error), repr(error.__context__), *traceback.format_exception(error)))

    moved = respond_always(b'{"error": "RESULT-CANARY"}', "302 Found", "Location: /RESULT-CANARY/x")
    bad = respond_always(f'{{"error": "no {LINK}"}}'.encode(), "400 Bad Request")
    for handler in (respond_always(payloads.FASHN_COMPLETED.encode()), moved, bad, never_respond):
        async with serve(handler) as server, connect(server.url) as pixazo:
            url = f"{server.url}/RESULT-CANARY/x"
            await record(pixazo.submit(FASHN, BODY, callback_url=LINK, seconds=0.3))
            if handler is not never_respond:
                await record(pixazo.poll(FASHN, payloads.FASHN_ID))
            await record(pixazo.download(url, seconds=0.3))
            seen.extend((repr(pixazo), str(pixazo)))
        async with connect(server.url) as pixazo:
            await record(pixazo.download(url))
            await record(pixazo.poll(FASHN, payloads.FASHN_ID))
    seen.extend(f"{entry.getMessage()} {entry.exc_text}" for entry in caplog.records)
    secrets = [text for text in seen if "PHOTO-CANARY" in text or "RESULT-CANARY/x" in text or KEY in text]
    assert secrets == []
    assert [entry for entry in caplog.records if entry.name.startswith("http")] == []


async def test_the_shops_own_use_of_httpx_is_logged(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger=httpx.__name__)

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        both_requested.set() if len(exchange.server.requests) == 2 else await both_requested.wait()
        await exchange.answer(QUEUED)

    both_requested = asyncio.Event()
    async with serve(handler) as server, connect(server.url) as pixazo, httpx.AsyncClient() as own:
        await asyncio.gather(pixazo.poll(FASHN, payloads.FASHN_ID), own.get(f"{server.url}/own"))
        assert [entry.getMessage().split()[3] for entry in caplog.records] == [f"{server.url}/own"]
