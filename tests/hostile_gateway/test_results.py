"""Result images of a hostile gateway: the render fails, nothing is stored, and memory stays limited."""

from __future__ import annotations

import io
import zlib
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.worker import jobs

from ..images.samples import HTML, SVG, header_only, png, png_chunk
from ..intake_helpers import user_visitor
from ..lifecycle.harness import Harness, stored_results
from .server import MB, HostileGateway, endless, http_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Chunks
from .helpers import (
    GZIP,
    VENDOR_TEXT,
    assert_failed_without_traces,
    assert_memory_grows_less_than,
    order_tryon,
    run_until_finished,
    zeros,
)


@cache
def _bomb() -> bytes:
    """An image of two million pixels with two compressed texts of 200 MB."""
    text = png_chunk(b"zTXt", b"Comment\0\0" + zeros(zlib.MAX_WBITS))
    return png(1400, 1400, 2, 8, b"\0" * 1400, text, text)


NOT_AN_IMAGE: dict[str, Callable[[], Chunks]] = {
    "html": lambda: http_response(HTML + VENDOR_TEXT.encode(), "Content-Type: text/html"),
    "svg": lambda: http_response(SVG, "Content-Type: image/svg+xml"),
    "svg declared as png": lambda: http_response(SVG, "Content-Type: image/png"),
    "nothing": http_response,
    "jpeg of 65535 x 65535": lambda: http_response(header_only(65535, 65535)[0], "Content-Type: image/jpeg"),
    "png of 200000 x 200000": lambda: http_response(
        header_only(200_000, 200_000)[1], "Content-Type: image/png"
    ),
    "webp of 16384 x 16384": lambda: http_response(header_only(16384, 16384)[2], "Content-Type: image/webp"),
    "png with texts of 400 MB": lambda: http_response(_bomb(), "Content-Type: image/png"),
    "endless": lambda: endless(bytes(65536)),
    "endless png": lambda: endless(header_only(1000, 1000)[1]),
    "2 GB, announced": lambda: http_response(b"\x89PNG", length=2_000_000_000),
    "2 GB, not announced": lambda: endless(bytes(MB)),
    "gzip bomb": lambda: http_response(zeros(GZIP), "Content-Encoding: gzip"),
    "redirect to an internal address": lambda: http_response(
        b"", "Location: http://169.254.169.254/x", status="302 Found"
    ),
    "redirect to a file": lambda: http_response(
        b"", "Location: file:///etc/passwd", status="307 Temporary Redirect"
    ),
    "gone": lambda: http_response(status="410 Gone"),
}


@pytest.mark.parametrize("name", NOT_AN_IMAGE)
def test_a_result_that_is_not_an_image_fails_the_render(
    harness: Harness, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    gateway.image = NOT_AN_IMAGE[name]
    row = order_tryon(harness)
    with assert_memory_grows_less_than(130):
        row = run_until_finished(harness, row)
    assert_failed_without_traces(harness, row, caplog)
    assert gateway.requests == {"submit": 1, "image": 3}
    # The client reads at most 32 MB; the rest is in the sockets' buffers.
    assert gateway.sent < 3 * 45 * MB


def _endless_responses() -> dict[str, Callable[[HostileGateway], Chunks]]:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return {
        "too slow": lambda gateway: gateway.drip(b"\xff"),
        "headers without end": lambda _: endless(
            b"X-Filler: " + b"x" * 1000 + b"\r\n", b"HTTP/1.1 200 OK\r\n"
        ),
        "a header without end": lambda _: endless(b"x" * 1000, b"HTTP/1.1 200 OK\r\nX-Filler: "),
        "a status line without end": lambda _: endless(b"x" * 1000, b"HTTP/1.1 200 "),
        "early hints without end": lambda _: endless(early * 100, b""),
        "chunks of one byte": lambda _: endless(b"1\r\nx\r\n" * 1000, chunked),
        "a chunk of a size without end": lambda _: endless(b"f" * 1000, chunked),
        "no http": lambda _: [b"\0\xff" * 1000],
        "closed connection": lambda _: [],
    }


@pytest.mark.parametrize("name", _endless_responses())
def test_a_result_that_never_ends_is_retried_for_a_day(
    harness: Harness,
    gateway: HostileGateway,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr(jobs, "DOWNLOAD_SECONDS", 0.5)
    gateway.image = lambda: _endless_responses()[name](gateway)
    row = order_tryon(harness)
    with assert_memory_grows_less_than(60):
        harness.run_cycle()
        harness.run_cycle()
    row = harness.reload(row, State.RENDERED)
    assert row.download_failures == 0
    harness.make_due(row)
    harness.set_times(row, rendered_at=timedelta(hours=-25))
    harness.run_cycle()
    assert_failed_without_traces(harness, row, caplog)


def test_memory_is_limited_however_many_results_never_end(
    harness: Harness, gateway: HostileGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_IMAGES_IN_MEMORY", 2)
    gateway.image = lambda: endless(bytes(65536))
    rows = [harness.order(user_visitor()) for _ in range(12)]
    while TryOnRequest.objects.filter(state=State.QUEUED).exists():
        harness.run_cycle()
    with assert_memory_grows_less_than(200):
        for row in rows:
            harness.make_due(row)
        harness.run_cycle()
    assert gateway.requests["image"] >= 12
    assert {row.state for row in TryOnRequest.objects.all()} <= {State.RENDERED, State.FAILED}
    assert stored_results() == set()


def test_only_the_ordered_number_of_images_is_downloaded(harness: Harness, gateway: HostileGateway) -> None:
    gateway.result_url_override = [f"{gateway.url}/image/{number}" for number in range(5000)]
    image = io.BytesIO()
    Image.new("RGB", (400, 600), "white").save(image, "JPEG")
    gateway.image = lambda: http_response(image.getvalue())
    one = order_tryon(harness)
    two = harness.order(user_visitor("bob"))
    TryOnRequest.objects.filter(pk=two.pk).update(options={"num_images": 2})
    harness.run_cycle()
    harness.run_cycle()
    assert harness.reload(one, State.COMPLETED).image_count == 1
    assert harness.reload(two, State.COMPLETED).image_count == 2
    assert gateway.requests["image"] == 3
