"""The client on real sockets: connections, half-sent requests, TLS, and what is logged."""

import asyncio
import logging
import ssl
import traceback
from collections.abc import Callable

import httpx
import pytest

from django_vton.pixazo import ENGINES, DownloadFailed, PollFailed, Verdict, client
from django_vton.pixazo.client import Pixazo

from . import payloads
from .conftest import KEY
from .servers import Exchange, Resolver, answering, serving, silent

FASHN = ENGINES["fashn-v1.6"]
LINK = "https://shop.example/files/PHOTO-CANARY/"
BODY = FASHN.submit_body(LINK, LINK, {})
QUEUED = payloads.FASHN_QUEUED.encode()
Connect = Callable[..., Pixazo]


async def accept_and_leave(exchange: Exchange) -> None:
    """Promise to keep the connection, then drop it: what a gateway does to idle connections."""
    await exchange.request()
    await exchange.answer(QUEUED, "202 Accepted", "Connection: keep-alive")


async def hang(exchange: Exchange) -> None:
    await exchange.reader.read(1)
    await asyncio.Event().wait()


# -- Submits


@pytest.mark.parametrize("handler", [answering(QUEUED, "202 Accepted"), accept_and_leave])
async def test_each_submit_has_a_connection_of_its_own(connect: Connect, handler: object) -> None:
    async with serving(handler) as server, connect(server.url) as pixazo:  # type: ignore[arg-type]
        for _ in range(6):
            assert (await pixazo.submit(FASHN, BODY)).verdict is Verdict.ACCEPTED
        assert server.connections == 6


async def test_a_port_that_nobody_serves_is_not_sent(connect: Connect) -> None:
    async with serving(silent) as server:
        pass
    async with connect(server.url) as pixazo:
        calls: list[int] = []
        submission = await pixazo.submit(FASHN, BODY, before_send=lambda: calls.append(1))
        assert (submission.verdict, calls) == (Verdict.NOT_SENT, [])


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 202 Acc", b"garbage\r\n\r\n", b"HTTP/1.1 202 OK\r\nX\r\n\r\n"]
)
async def test_a_connection_that_breaks_after_the_request_is_unknown(connect: Connect, answer: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(answer)

    async with serving(handler) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).verdict is Verdict.UNKNOWN
        assert len(server.requests) == 1


async def test_a_connection_reset_while_the_body_is_sent_is_unknown(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reader.readuntil(b"\r\n\r\n")
        exchange.writer.transport.abort()

    async with serving(handler) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, {"x": "x" * 20_000_000})).verdict is Verdict.UNKNOWN
        assert server.connections == 1


async def test_an_answer_cut_short_is_unknown(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 999\r\n\r\n" + QUEUED[:-1])

    async with serving(handler) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).verdict is Verdict.UNKNOWN


async def test_an_answer_that_is_whole_is_kept_though_its_connection_breaks(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 999\r\n\r\n" + QUEUED)

    async with serving(handler) as server, connect(server.url) as pixazo:
        submission = await pixazo.submit(FASHN, BODY)
        assert submission.verdict is Verdict.ACCEPTED
        assert submission.answer is not None
        assert submission.answer.vendor_id


async def test_no_answer_in_time_is_unknown(connect: Connect) -> None:
    async with serving(silent) as server, connect(server.url) as pixazo:
        submission = await pixazo.submit(FASHN, BODY, seconds=0.3)
        assert (submission.verdict, submission.error) == (Verdict.UNKNOWN, "TimeoutError")
        assert len(server.requests) == 1


async def test_no_tls_in_time_is_not_sent(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_TIMEOUT", httpx.Timeout(10, connect=0.3))
    async with serving(hang) as server, connect(f"https://127.0.0.1:{server.port}") as pixazo:
        submission = await pixazo.submit(FASHN, BODY)
        assert (submission.verdict, submission.error) == (Verdict.NOT_SENT, "ConnectTimeout")
        assert server.received == b""


async def test_no_address_in_time_is_not_sent(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_args: object, **_options: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    async with connect() as pixazo:
        submission = await pixazo.submit(FASHN, BODY, seconds=0.3)
        assert (submission.verdict, submission.error) == (Verdict.NOT_SENT, "TimeoutError")


async def test_a_certificate_that_is_not_trusted_is_not_sent(
    connect: Connect, server_tls: ssl.SSLContext
) -> None:
    async with (
        serving(answering(QUEUED), server_tls) as server,
        connect(f"https://127.0.0.1:{server.port}") as pixazo,
    ):
        assert (await pixazo.submit(FASHN, BODY)).verdict is Verdict.NOT_SENT
        assert server.requests == []


async def test_before_send_speaks_last_and_can_stop_it(connect: Connect) -> None:
    def stop() -> None:
        raise PermissionError("the lease is over")

    hung_up = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await answering(QUEUED)(exchange)
        hung_up.set()

    async with serving(handler) as server, connect(server.url) as pixazo:
        with pytest.raises(PermissionError, match="lease"):
            await pixazo.submit(FASHN, BODY, before_send=stop)
        await hung_up.wait()  # So there was a connection, and nothing came.
        assert server.received == b""
        calls: list[int] = []
        assert (await pixazo.submit(FASHN, BODY, before_send=lambda: calls.append(1))).answer
        assert calls == [1]


async def test_a_cancelled_submit_raises_as_ever(connect: Connect) -> None:
    async with serving(silent) as server, connect(server.url) as pixazo:
        task = asyncio.create_task(pixazo.submit(FASHN, BODY))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_redirected_submit_is_unknown_and_not_followed(connect: Connect) -> None:
    async with serving(answering(QUEUED)) as other:
        moved = answering(b"", "307 Temporary Redirect", f"Location: {other.url}/x")
        async with serving(moved) as server, connect(server.url) as pixazo:
            assert (await pixazo.submit(FASHN, BODY)).verdict is Verdict.UNKNOWN
        assert other.connections == 0


async def test_an_endless_answer_is_unknown(connect: Connect) -> None:
    async with serving(endless) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).verdict is Verdict.UNKNOWN


async def test_the_environments_proxies_are_not_used(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answering(QUEUED)) as server, connect(server.url) as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).verdict is Verdict.ACCEPTED


# -- Asks


async def test_asks_share_a_connection(connect: Connect) -> None:
    async with serving(answering(QUEUED)) as server, connect(server.url) as pixazo:
        for _ in range(5):
            await pixazo.ask(FASHN, payloads.FASHN_ID)
        assert (server.connections, len(server.requests)) == (1, 5)


# -- Results


async def endless(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


async def test_a_result_is_fetched_as_it_is_served(connect: Connect) -> None:
    picture = bytes(range(256)) * 5000
    async with serving(answering(picture, "200 OK", "Set-Cookie: a=b")) as server, connect() as pixazo:
        for _ in range(2):
            assert await pixazo.fetch(f"{server.url}/out.ext") == picture
        assert "ocp-apim-subscription-key" not in server.requests[0].headers
        assert KEY not in str(server.requests)
        assert server.connections == 2


async def test_an_endless_result_is_cut_off_for_good(connect: Connect) -> None:
    async with serving(endless) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.fetch(f"{server.url}/x", limit=1_000_000)
    assert not caught.value.retryable


async def test_a_result_that_says_it_is_too_long_is_not_read(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n")
        await asyncio.Event().wait()

    async with serving(handler) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.fetch(f"{server.url}/x", limit=1_000_000)
    assert not caught.value.retryable


async def test_a_result_shorter_than_it_says_may_be_whole_later(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    async with serving(handler) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.fetch(f"{server.url}/x")
    assert caught.value.retryable


async def test_a_result_that_drips_is_given_up_for_now(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nh")
        await asyncio.Event().wait()

    async with serving(handler) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.fetch(f"{server.url}/x", seconds=0.3)
    assert caught.value.retryable


async def test_an_encoded_result_is_refused(connect: Connect) -> None:
    async with serving(answering(b"x", "200 OK", "Content-Encoding: gzip")) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.fetch(f"{server.url}/x")
    assert not caught.value.retryable


async def test_a_redirected_result_is_not_followed(connect: Connect) -> None:
    async with serving(answering(b"inside")) as other:
        moved = answering(b"", "302 Found", f"Location: {other.url}/x")
        async with serving(moved) as server, connect() as pixazo:
            with pytest.raises(DownloadFailed) as caught:
                await pixazo.fetch(f"{server.url}/x")
        assert other.connections == 0
    assert not caught.value.retryable


async def test_without_the_sandbox_this_machine_is_never_connected_to(connect: Connect) -> None:
    async with serving(answering(b"inside")) as server, connect(loopback=False) as pixazo:
        for url in (
            f"{server.url}/x",
            f"https://127.0.0.1:{server.port}/x",
            f"https://[::1]:{server.port}/x",
        ):
            with pytest.raises(DownloadFailed):
                await pixazo.fetch(url)
        assert server.connections == 0


async def test_the_name_is_looked_up_once_and_kept_for_tls(
    connect: Connect, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    resolve = Resolver("127.0.0.1")
    async with (
        serving(answering(b"picture"), server_tls) as server,
        connect(resolve=resolve, ssl_context=client_tls) as pixazo,
    ):
        assert await pixazo.fetch(f"https://results.test:{server.port}/x") == b"picture"
        assert resolve.asked == [("results.test", server.port)]
        assert server.server_names == ["results.test"]
        assert server.requests[0].headers["host"] == f"results.test:{server.port}"
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.fetch(f"https://other.test:{server.port}/x")
        assert "other.test" in caught.value.error
        assert len(server.requests) == 1


async def test_the_next_address_is_tried(connect: Connect) -> None:
    resolve = Resolver("::1", "127.0.0.1")
    async with serving(answering(b"picture")) as server, connect(resolve=resolve) as pixazo:
        assert await pixazo.fetch(f"http://results.test:{server.port}/x") == b"picture"


async def test_the_result_hosts_of_production_do_not_lock_the_sandbox_out(connect: Connect) -> None:
    async with serving(answering(b"picture")) as server, connect(result_hosts=[".r2.dev"]) as pixazo:
        assert await pixazo.fetch(f"{server.url}/x") == b"picture"


# -- Secrets


async def test_no_log_repr_or_traceback_holds_a_link_or_the_key(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    seen: list[str] = []

    async def record(call: object) -> None:
        try:
            seen.append(repr(await call))  # type: ignore[misc]  # any of the client's calls
        except (PollFailed, DownloadFailed) as trouble:
            seen.extend((repr(trouble), repr(trouble.__context__), *traceback.format_exception(trouble)))

    moved = answering(b'{"error": "RESULT-CANARY"}', "302 Found", "Location: /RESULT-CANARY/x")
    bad = answering(f'{{"error": "no {LINK}"}}'.encode(), "400 Bad Request")
    for handler in (answering(payloads.FASHN_COMPLETED.encode()), moved, bad, silent):
        async with serving(handler) as server, connect(server.url) as pixazo:
            link = f"{server.url}/RESULT-CANARY/x"
            await record(pixazo.submit(FASHN, BODY, callback_url=LINK, seconds=0.3))
            if handler is not silent:
                await record(pixazo.ask(FASHN, payloads.FASHN_ID))
            await record(pixazo.fetch(link, seconds=0.3))
            seen.extend((repr(pixazo), str(pixazo)))
        async with connect(server.url) as pixazo:
            await record(pixazo.fetch(link))
            await record(pixazo.ask(FASHN, payloads.FASHN_ID))
    seen.extend(f"{entry.getMessage()} {entry.exc_text}" for entry in caplog.records)
    secrets = [text for text in seen if "PHOTO-CANARY" in text or "RESULT-CANARY/x" in text or KEY in text]
    assert secrets == []
    assert [entry for entry in caplog.records if entry.name.startswith("http")] == []


async def test_the_shops_own_httpx_is_logged_as_ever(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="httpx")

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        both_asked.set() if len(exchange.server.requests) == 2 else await both_asked.wait()
        await exchange.answer(QUEUED)

    both_asked = asyncio.Event()
    async with serving(handler) as server, connect(server.url) as pixazo, httpx.AsyncClient() as own:
        await asyncio.gather(pixazo.ask(FASHN, payloads.FASHN_ID), own.get(f"{server.url}/own"))
        assert [entry.getMessage().split()[3] for entry in caplog.records] == [f"{server.url}/own"]
