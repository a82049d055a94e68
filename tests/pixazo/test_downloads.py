"""Downloads on real sockets: limits, redirects, IP addresses and TLS."""

import asyncio
import ssl
from collections.abc import Callable

import pytest

from django_vton.pixazo import DownloadFailed
from django_vton.pixazo.client import PixazoClient

from .conftest import KEY
from .servers import Exchange, Resolver, respond_always, respond_endlessly, serve

Connect = Callable[..., PixazoClient]


async def test_a_result_is_downloaded_unchanged_without_key_or_cookies(connect: Connect) -> None:
    image = bytes(range(256)) * 5000
    async with serve(respond_always(image, "200 OK", "Set-Cookie: a=b")) as server, connect() as pixazo:
        for _ in range(2):
            assert await pixazo.download(f"{server.url}/out.ext") == image
        assert "ocp-apim-subscription-key" not in server.requests[0].headers
        assert KEY not in str(server.requests)
        assert server.connections == 2


async def test_an_endless_result_is_not_retryable(connect: Connect) -> None:
    async with serve(respond_endlessly) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download(f"{server.url}/x", limit=1_000_000)
    assert not caught.value.is_retryable


async def test_a_result_with_a_too_large_content_length_is_not_read(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n")
        await asyncio.Event().wait()

    async with serve(handler) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download(f"{server.url}/x", limit=1_000_000)
    assert not caught.value.is_retryable


async def test_a_truncated_result_is_retryable(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    async with serve(handler) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download(f"{server.url}/x")
    assert caught.value.is_retryable


async def test_a_result_that_is_too_slow_is_retryable(connect: Connect) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nh")
        await asyncio.Event().wait()

    async with serve(handler) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download(f"{server.url}/x", seconds=0.3)
    assert caught.value.is_retryable


async def test_a_result_with_a_content_encoding_is_refused(connect: Connect) -> None:
    async with serve(respond_always(b"x", "200 OK", "Content-Encoding: gzip")) as server, connect() as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download(f"{server.url}/x")
    assert not caught.value.is_retryable


async def test_a_redirected_result_is_not_followed(connect: Connect) -> None:
    async with serve(respond_always(b"inside")) as other:
        moved = respond_always(b"", "302 Found", f"Location: {other.url}/x")
        async with serve(moved) as server, connect() as pixazo:
            with pytest.raises(DownloadFailed) as caught:
                await pixazo.download(f"{server.url}/x")
        assert other.connections == 0
    assert not caught.value.is_retryable


async def test_without_loopback_this_machine_is_never_connected_to(connect: Connect) -> None:
    async with serve(respond_always(b"inside")) as server, connect(loopback=False) as pixazo:
        for url in (
            f"{server.url}/x",
            f"https://127.0.0.1:{server.port}/x",
            f"https://[::1]:{server.port}/x",
        ):
            with pytest.raises(DownloadFailed):
                await pixazo.download(url)
        assert server.connections == 0


async def test_the_host_is_resolved_once_and_its_name_used_for_tls(
    connect: Connect, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    resolve = Resolver("127.0.0.1")
    async with (
        serve(respond_always(b"image"), server_tls) as server,
        connect(resolve=resolve, ssl_context=client_tls) as pixazo,
    ):
        assert await pixazo.download(f"https://results.test:{server.port}/x") == b"image"
        assert resolve.hosts == [("results.test", server.port)]
        assert server.server_names == ["results.test"]
        assert server.requests[0].headers["host"] == f"results.test:{server.port}"
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download(f"https://other.test:{server.port}/x")
        assert "other.test" in caught.value.error
        assert len(server.requests) == 1


async def test_if_an_address_fails_the_next_is_tried(connect: Connect) -> None:
    resolve = Resolver("::1", "127.0.0.1")
    async with serve(respond_always(b"image")) as server, connect(resolve=resolve) as pixazo:
        assert await pixazo.download(f"http://results.test:{server.port}/x") == b"image"


async def test_result_hosts_do_not_apply_to_loopback(connect: Connect) -> None:
    async with serve(respond_always(b"image")) as server, connect(result_hosts=[".r2.dev"]) as pixazo:
        assert await pixazo.download(f"{server.url}/x") == b"image"
