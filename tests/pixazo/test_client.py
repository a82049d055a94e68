"""The client with a mocked transport: what it sends, and how it classifies the responses."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import respx

from django_vton.pixazo import ENGINES, DownloadFailed, PollFailed, SubmitOutcome, VendorStatus
from django_vton.pixazo.client import PixazoClient

from . import payloads
from .conftest import KEY
from .servers import Resolver

FASHN, GLASS = ENGINES["fashn-v1.6"], ENGINES["glass-v1"]
GATEWAY = "https://gateway.pixazo.ai"
SUBMIT = GATEWAY + FASHN.submit_path
STATUS = f"{GATEWAY}/v2/requests/status/{payloads.FASHN_ID}"
BODY = FASHN.submit_body("https://shop.example/p", "https://shop.example/g", {"mode": "fast"})
Connect = Callable[..., PixazoClient]


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


async def test_a_submit_is_sent_as_documented(connect: Connect, vendor: respx.MockRouter) -> None:
    route = vendor.post(SUBMIT).respond(202, text=payloads.FASHN_QUEUED)
    async with connect(loopback=False) as pixazo:
        submission = await pixazo.submit(FASHN, BODY, callback_url="https://shop.example/hook")
    assert submission.outcome is SubmitOutcome.ACCEPTED
    assert submission.answer is not None
    assert submission.answer.vendor_id == payloads.FASHN_ID
    sent = route.calls.last.request
    assert json.loads(sent.content) == BODY
    expected = {
        "Content-Type": "application/json",
        "Cache-Control": "no-cache",
        "Ocp-Apim-Subscription-Key": KEY,
        "X-Webhook-URL": "https://shop.example/hook",
        "X-Webhook-Mode": "terminal",
    }
    assert {name: sent.headers[name] for name in expected} == expected


async def test_a_callback_is_requested_only_if_given_and_supported(
    connect: Connect, vendor: respx.MockRouter
) -> None:
    vendor.post(url__startswith=GATEWAY).respond(200, text=payloads.GLASS_SUBMITTED)
    async with connect() as pixazo:
        await pixazo.submit(FASHN, BODY)
        await pixazo.submit(GLASS, {}, callback_url="https://shop.example/hook")
    for call in vendor.calls:
        assert not [name for name in call.request.headers if name.startswith("x-webhook")]


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/hook", "https://shop.example/ä", "https://h/a\r\nX: y", "hook", "https://h/ "],
)
async def test_an_unusable_callback_url_is_refused_before_anything_is_sent(
    connect: Connect, vendor: respx.MockRouter, url: str
) -> None:
    async with connect(loopback=False) as pixazo:
        with pytest.raises(ValueError, match="callback"):
            await pixazo.submit(FASHN, BODY, callback_url=url)
    assert not vendor.calls


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ConnectError("x"), SubmitOutcome.NOT_SENT),
        (httpx.ConnectTimeout("x"), SubmitOutcome.NOT_SENT),
        (httpx.PoolTimeout("x"), SubmitOutcome.NOT_SENT),
        (httpx.ReadTimeout("x"), SubmitOutcome.UNKNOWN),
        (httpx.WriteTimeout("x"), SubmitOutcome.UNKNOWN),
        (httpx.ReadError("x"), SubmitOutcome.UNKNOWN),
        (httpx.WriteError("x"), SubmitOutcome.UNKNOWN),
        (httpx.RemoteProtocolError("x"), SubmitOutcome.UNKNOWN),
        (httpx.LocalProtocolError("x"), SubmitOutcome.UNKNOWN),
        (httpx.DecodingError("x"), SubmitOutcome.UNKNOWN),
        (OSError("x"), SubmitOutcome.UNKNOWN),
        (RuntimeError("x"), SubmitOutcome.UNKNOWN),
    ],
)
async def test_network_errors_of_a_submit_are_classified_and_not_raised(
    connect: Connect, vendor: respx.MockRouter, error: Exception, outcome: SubmitOutcome
) -> None:
    route = vendor.post(SUBMIT).mock(side_effect=error)
    async with connect() as pixazo:
        submission = await pixazo.submit(FASHN, BODY)
    assert (submission.outcome, submission.answer, submission.status_code) == (outcome, None, None)
    assert submission.error == f"{type(error).__name__}: x"
    assert route.call_count == 1


async def test_a_refusal_has_the_retry_after(connect: Connect, vendor: respx.MockRouter) -> None:
    route = vendor.post(SUBMIT).respond(429, headers={"Retry-After": "17"}, text=payloads.GLASS_ERRORS[429])
    async with connect() as pixazo:
        submission = await pixazo.submit(FASHN, BODY)
    assert (submission.outcome, submission.status_code, submission.retry_after) == (
        SubmitOutcome.REFUSED,
        429,
        17.0,
    )
    assert submission.error == "HTTP 429: Rate limit exceeded, please retry later"
    assert route.call_count == 1


async def test_a_success_with_a_huge_body_is_unknown_and_a_refusal_stays_one(
    connect: Connect, vendor: respx.MockRouter
) -> None:
    vendor.post(SUBMIT).mock(
        side_effect=[
            httpx.Response(202, text=payloads.FASHN_QUEUED + " " * 1_000_001),
            httpx.Response(401, text=" " * 1_000_001),
        ]
    )
    async with connect() as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.UNKNOWN
        assert (await pixazo.submit(FASHN, BODY)).outcome is SubmitOutcome.REFUSED


async def test_fashn_is_polled_by_get(connect: Connect, vendor: respx.MockRouter) -> None:
    route = vendor.get(STATUS).respond(200, text=payloads.FASHN_COMPLETED)
    async with connect() as pixazo:
        answer = await pixazo.poll(FASHN, payloads.FASHN_ID)
    assert answer.status is VendorStatus.COMPLETED
    sent = route.calls.last.request
    assert sent.headers["Ocp-Apim-Subscription-Key"] == KEY
    assert sent.content == b""


async def test_glass_is_polled_by_post(connect: Connect, vendor: respx.MockRouter) -> None:
    route = vendor.post(GATEWAY + GLASS.status_path).respond(200, text=payloads.GLASS_COMPLETED)
    async with connect() as pixazo:
        answer = await pixazo.poll(GLASS, "abc-123-xyz")
    assert answer.images == ("https://result-url.example.com/image.jpg",)
    assert json.loads(route.calls.last.request.content) == {"request_id": "abc-123-xyz"}


@pytest.mark.parametrize(
    ("reply", "status_code", "error"),
    [
        (httpx.Response(404, text=payloads.GLASS_ERRORS[404]), 404, "HTTP 404: Endpoint not found"),
        (httpx.Response(401, text=""), 401, "HTTP 401"),
        (httpx.Response(500, text=payloads.FASHN_ERROR), 500, "HTTP 500: Description of the error"),
        (httpx.Response(302, headers={"Location": "https://evil.example/CANARY"}), 302, "HTTP 302"),
        (httpx.Response(200, text="<html>"), 200, "HTTP 200: not an object"),
        (httpx.Response(200, text="{}"), 200, "HTTP 200: no usable request_id"),
        (
            httpx.Response(200, text=payloads.GLASS_COMPLETED),
            200,
            "HTTP 200: the response is about another render",
        ),
        (httpx.ReadTimeout("x"), None, "ReadTimeout: x"),
        (httpx.ConnectError("x"), None, "ConnectError: x"),
        (httpx.RemoteProtocolError("no https://h/CANARY"), None, "RemoteProtocolError: no [removed]"),
    ],
)
async def test_a_poll_without_a_usable_response_raises_poll_failed(
    connect: Connect, vendor: respx.MockRouter, reply: Any, status_code: int | None, error: str
) -> None:
    vendor.get(STATUS).mock(side_effect=[reply])
    async with connect() as pixazo:
        with pytest.raises(PollFailed) as caught:
            await pixazo.poll(FASHN, payloads.FASHN_ID)
    assert (caught.value.status_code, caught.value.error, str(caught.value)) == (status_code, error, error)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "9"}, 9.0),
        (503, {"Retry-After": "9"}, 9.0),
        (429, {}, 60.0),
        (503, {}, None),
    ],
)
async def test_a_failed_poll_has_the_retry_after(
    connect: Connect, vendor: respx.MockRouter, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    vendor.get(STATUS).respond(status, headers=headers)
    async with connect() as pixazo:
        with pytest.raises(PollFailed) as caught:
            await pixazo.poll(FASHN, payloads.FASHN_ID)
    assert caught.value.retry_after == seconds


async def test_a_key_that_the_vendor_quotes_is_removed(connect: Connect, vendor: respx.MockRouter) -> None:
    vendor.post(SUBMIT).respond(401, json={"error": f"Key {KEY} is not valid"})
    async with connect() as pixazo:
        assert (await pixazo.submit(FASHN, BODY)).error == "HTTP 401: Key [key] is not valid"


@pytest.mark.parametrize(
    "base_url",
    ["http://gateway.pixazo.ai", "gateway.pixazo.ai", "", "https://", "https://u:p@h", "https://h:x"],
)
def test_a_base_url_that_would_expose_the_key_is_refused(connect: Connect, base_url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        connect(base_url, loopback=False)


@pytest.mark.parametrize("key", ["abc\n", " abc", "a\0b", "schlüssel"])
def test_a_key_that_is_no_valid_header_is_refused_without_being_shown(connect: Connect, key: str) -> None:
    with pytest.raises(ValueError, match="API key") as caught:
        connect(api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://results.example/x",
        "ftp://results.example/x",
        "file:///etc/passwd",
        "//results.example/x",
        "results.example/x",
        "https://user:pw@results.example/x",
        "https:///x",
        "https://results.example:99999/x",
        "https://res\x00ults/x",
        "",
        "https://other.example/x",
    ],
)
async def test_a_forbidden_url_is_refused_for_good_and_not_resolved(
    connect: Connect, vendor: respx.MockRouter, url: str
) -> None:
    resolve = Resolver("93.184.215.14")
    async with connect(loopback=False, resolve=resolve, result_hosts=["results.example"]) as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download(url)
    assert not caught.value.is_retryable
    assert not vendor.calls
    assert resolve.hosts == []
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("found", "retryable"),
    [
        (["127.0.0.1"], False),
        (["93.184.215.14", "10.0.0.1"], False),
        (["::ffff:127.0.0.1"], False),
        (["64:ff9b::7f00:1"], False),
        ([], True),
    ],
)
async def test_a_host_with_an_internal_address_is_not_connected_to(
    connect: Connect, vendor: respx.MockRouter, found: list[str], retryable: bool
) -> None:
    resolve = Resolver(*found)
    async with connect(loopback=False, resolve=resolve) as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download("https://results.example/x")
    assert caught.value.is_retryable is retryable
    assert resolve.hosts == [("results.example", 443)]
    assert not vendor.calls


@pytest.mark.parametrize("error", [OSError("x"), UnicodeError("label empty or too long")])
async def test_a_host_that_does_not_resolve_is_retryable(connect: Connect, error: Exception) -> None:
    async with connect(loopback=False, resolve=Resolver(error=error)) as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download("https://results.example/x")
    assert caught.value.is_retryable


async def test_even_the_sandbox_downloads_http_only_from_this_machine(connect: Connect) -> None:
    async with connect(resolve=Resolver("93.184.215.14")) as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download("http://results.example/x")
    assert not caught.value.is_retryable


async def test_a_result_is_requested_from_the_checked_address_under_its_host_name(
    connect: Connect, vendor: respx.MockRouter
) -> None:
    resolve = Resolver("2606:4700::6812:223")
    route = vendor.get("https://[2606:4700::6812:223]:8443/a.ext?b=c").respond(200, content=b"image")
    async with connect(loopback=False, resolve=resolve) as pixazo:
        assert await pixazo.download("https://bücher.example:8443/a.ext?b=c") == b"image"
    assert resolve.hosts == [("xn--bcher-kva.example", 8443)]
    sent = route.calls.last.request
    assert sent.headers["Host"] == "xn--bcher-kva.example:8443"
    assert sent.extensions["sni_hostname"] == "xn--bcher-kva.example"
    assert sent.headers["Accept-Encoding"] == "identity"
    assert "Ocp-Apim-Subscription-Key" not in sent.headers
    assert "Cookie" not in sent.headers


@pytest.mark.parametrize(
    ("status_code", "retryable"),
    [
        (204, False),
        (302, False),
        (403, True),
        (404, True),
        (410, False),
        (429, True),
        (500, True),
        (503, True),
    ],
)
async def test_which_status_codes_of_a_result_are_retryable(
    connect: Connect, vendor: respx.MockRouter, status_code: int, retryable: bool
) -> None:
    vendor.get("https://93.184.215.14/x").respond(status_code)
    async with connect(loopback=False, resolve=Resolver("93.184.215.14")) as pixazo:
        with pytest.raises(DownloadFailed) as caught:
            await pixazo.download("https://results.example/x")
    assert (caught.value.is_retryable, caught.value.error) == (retryable, f"HTTP {status_code}")
