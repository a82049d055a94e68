"""Responses of a hostile gateway to submits and polls: money is booked by the rules, and nothing raises."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from django_vton.models.states import State

from ..images.samples import HTML
from .server import MB, HostileGateway, endless, http_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..lifecycle.harness import Harness
    from .server import Chunks
from .helpers import (
    GZIP,
    VENDOR_TEXT,
    assert_failed_without_traces,
    assert_fails_at_the_deadline,
    assert_memory_grows_less_than,
    order_tryon,
    zeros,
)

NESTING_DEPTH = 50_000
WRONG_VALUES: list[Any] = [
    None,
    True,
    0,
    -1.5,
    "",
    "x",
    [],
    [[]],
    {},
    {"a": [{}]},
    10**300,
    VENDOR_TEXT * 100,
    "\0\ud800",
]


def _wrong_types(seed: int) -> dict[str, Any]:
    """All fields of a response, with values of wrong types."""
    names = ["status", "success", "image_url", "output", "error", "message", "completed_at", "created_at"]
    names += ["content_type", "file_size", "polling_url", "model_id", VENDOR_TEXT]
    rng = random.Random(seed)  # noqa: S311 - no secret
    return {name: rng.choice(WRONG_VALUES) for name in names}


USELESS_RESPONSES: dict[str, Callable[[str], Chunks]] = {
    "html": lambda _: http_response(HTML, "Content-Type: text/html"),
    "empty": lambda _: http_response(),
    "deep": lambda _: http_response(b"[" * NESTING_DEPTH + b"]" * NESTING_DEPTH),
    "deep below an id": lambda vendor_id: http_response(
        b'{"request_id": "%s", "status": ' % vendor_id.encode()
        + b'{"a":' * NESTING_DEPTH
        + b"1"
        + b"}" * NESTING_DEPTH
        + b"}"
    ),
    "not a number": lambda _: http_response(b'{"request_id": NaN, "status": Infinity}'),
    "a number of 4000 digits": lambda _: http_response(b'{"request_id": ' + b"9" * 4000 + b"}"),
    "a number of 400,000 digits": lambda _: http_response(b'{"request_id": ' + b"9" * 400_000 + b"}"),
    "an id that is none": lambda _: json_response({"request_id": {"$ne": None}, "status": "completed"}),
    "10 MB": lambda vendor_id: json_response(
        {"request_id": vendor_id, "status": "submitted", "x": "y" * 10 * MB}
    ),
    "10 MB of brackets": lambda _: http_response(b"[" + b"[]," * (3 * MB) + b"[]]"),
    "gzip bomb": lambda _: http_response(zeros(GZIP), "Content-Encoding: gzip"),
    "deflate bomb": lambda _: http_response(zeros(zlib.MAX_WBITS), "Content-Encoding: deflate"),
    "broken gzip": lambda _: http_response(b"\x1f\x8bnot", "Content-Encoding: gzip"),
    "an unheard-of encoding": lambda _: http_response(b"{}", "Content-Encoding: x-unheard-of"),
    "endless": lambda _: endless(b" " * 65536),
    "headers without end": lambda _: endless(b"X-Filler: " + b"x" * 1000 + b"\r\n", b"HTTP/1.1 200 OK\r\n"),
    "redirect to an internal address": lambda _: http_response(
        b"", "Location: http://127.0.0.1:1/", status="307 Temporary Redirect"
    ),
    "an unheard-of status": lambda _: http_response(b"{}", status="799 " + VENDOR_TEXT),
    "no http": lambda _: [b"\0" * 1000],
    "closed connection": lambda _: [],
}


@pytest.mark.parametrize("name", USELESS_RESPONSES)
def test_a_useless_response_to_a_submit_means_unknown_and_is_sent_once(
    harness: Harness, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    gateway.submit = USELESS_RESPONSES[name]
    row = order_tryon(harness)
    with assert_memory_grows_less_than(60):
        harness.run_cycle()
    row = harness.reload(row, State.UNKNOWN)
    assert harness.money_states(row) == ["held"]
    harness.make_due(row)
    harness.run_cycle()
    assert_failed_without_traces(harness, row, caplog, "outcome_unknown")
    assert gateway.requests == {"submit": 1}


@pytest.mark.parametrize("name", USELESS_RESPONSES)
def test_after_useless_responses_polling_goes_on_until_the_deadline(
    harness: Harness, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    gateway.submit, gateway.poll = gateway.accepted, USELESS_RESPONSES[name]
    assert_fails_at_the_deadline(harness, gateway, caplog)


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "data:image/png;base64,iVBORw0KGgo=", "ftp://results.test/x"),
        *("javascript:alert(1)", "gopher://127.0.0.1:6379/_x", "//results.test/x", "/etc/passwd"),
        *("https://results.test/" + "x" * 5000, "https://results.test/a b", "https://results.test/\n", "\0"),
        *([], [[]], {}, {"url": "https://results.test/x"}, 7, True),
    ],
    ids=lambda value: str(value)[:40].encode("unicode_escape").decode(),
)
def test_completed_without_a_usable_url_is_polled_until_the_deadline(
    harness: Harness, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, url: Any
) -> None:
    gateway.submit = gateway.accepted
    gateway.poll = lambda vendor_id: json_response(
        {"request_id": vendor_id, "status": "completed", "image_url": url}
    )
    assert_fails_at_the_deadline(harness, gateway, caplog)


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_response_is_understood(
    harness: Harness, gateway: HostileGateway, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    """A proxy may have compressed it, and the render is paid for."""
    plain = {"status": "completed", "image_url": gateway.result_url()}
    gateway.submit = lambda vendor_id: http_response(
        encode(json.dumps(plain | {"request_id": vendor_id}).encode()), f"Content-Encoding: {encoding}"
    )
    row = order_tryon(harness)
    harness.run_cycle()
    harness.reload(row, State.RENDERED)


@pytest.mark.parametrize("seed", range(6))
def test_wrong_types_in_all_fields_raise_nothing(
    harness: Harness, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    gateway.submit = lambda vendor_id: json_response(
        {"request_id": vendor_id} | _wrong_types(seed) | {"status": "submitted"}
    )
    gateway.poll = lambda vendor_id: json_response({"request_id": vendor_id} | _wrong_types(1000 + seed))
    assert_fails_at_the_deadline(harness, gateway, caplog)


def test_shoppers_see_our_message_for_a_failed_render(
    harness: Harness, gateway: HostileGateway, caplog: pytest.LogCaptureFixture
) -> None:
    error = {
        "name": f"<script>{VENDOR_TEXT}</script>" * 1000,
        "message": f"https://evil.test/{VENDOR_TEXT} \0\ud800",
    }
    gateway.submit = lambda vendor_id: json_response(
        {"request_id": vendor_id, "status": "FAILED", "error": error}
    )
    row = order_tryon(harness)
    harness.run_cycle()
    assert_failed_without_traces(harness, row, caplog)
