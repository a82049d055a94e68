"""Messages to the shop's webhook on real sockets: no redirects, no internal addresses, no URLs in errors."""

from __future__ import annotations

from django_vton.pixazo import posts

from .servers import never_respond, respond_always, respond_endlessly, serve


async def post(url: str, *, loopback: bool = True, seconds: float = 5) -> str:
    return await posts.post(url, b"{}", {"X-Signed": "yes"}, loopback=loopback, seconds=seconds)


async def test_a_message_is_posted_with_its_headers() -> None:
    async with serve(respond_always(b"ok")) as server:
        assert await post(f"{server.url}/hook?sig=1") == ""
    (request,) = server.requests
    assert request.headers["x-signed"] == "yes"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"


async def test_a_redirect_is_a_refusal_and_is_not_followed() -> None:
    async with serve(respond_always(b"inside")) as other:
        async with serve(respond_always(b"", "302 Found", f"Location: {other.url}/x")) as server:
            assert await post(f"{server.url}/hook") == "HTTP 302"
        assert other.connections == 0


async def test_without_loopback_this_machine_and_http_are_never_connected_to() -> None:
    async with serve(respond_always()) as server:
        for url in (f"{server.url}/hook", f"https://127.0.0.1:{server.port}/hook", "https://10.0.0.1/hook"):
            assert await post(url, loopback=False)
    assert server.connections == 0


async def test_the_reason_of_a_refusal_is_told_without_urls() -> None:
    answer = respond_always(b"no_service at https://hooks.example/T0/B0/secret", "404 Not Found")
    async with serve(answer) as server:
        assert await post(f"{server.url}/hook") == "HTTP 404: no_service at [removed]"


async def test_a_receiver_that_never_answers_or_never_ends_is_given_up() -> None:
    async with serve(never_respond) as server:
        assert "Timeout" in await post(f"{server.url}/hook", seconds=0.3)
    async with serve(respond_endlessly) as server:
        assert await post(f"{server.url}/hook") in ("", "HTTP 200")
