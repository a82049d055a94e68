"""A render that several try-ons share, and the ways in which it ends."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from django_vton import lifecycle, signals
from django_vton.images import isolated
from django_vton.models import TryOnEvent, TryOnImage, TryOnRequest
from django_vton.pixazo import VendorResponse, VendorStatus
from django_vton.worker import result_images

from ..tryons import claim_for_submit
from .test_cancels import order_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    End = Callable[[TryOnRequest], None]

    from django_vton.models import PersonPhoto

    from .harness import Harness


@contextmanager
def counting_signals() -> Iterator[Counter[Any]]:
    """How many signals are sent about the end of each try-on."""
    counts: Counter[Any] = Counter()

    def count(*, try_on: TryOnRequest, **_arguments: Any) -> None:
        counts[try_on.pk] += 1

    for signal in (signals.tryon_completed, signals.tryon_failed):
        signal.connect(count)
    try:
        yield counts
    finally:
        for signal in (signals.tryon_completed, signals.tryon_failed):
            signal.disconnect(count)


def shared(
    harness: Harness, model: PersonPhoto, followers_count: int = 5
) -> tuple[TryOnRequest, list[TryOnRequest]]:
    """A render that the vendor has accepted, and its followers."""
    source, rows = order_shared(harness, model, followers_count)
    attempt = claim_for_submit(source, token=f"token of {source.pk}")
    lifecycle.receive_callback(attempt, f"id-{source.pk}")
    return TryOnRequest.objects.get(pk=source.pk), rows


def render(source: TryOnRequest) -> None:
    """The vendor has finished, and the image is downloaded next."""
    attempt = source.attempts.get()
    vendor_id = attempt.vendor_id or ""
    answer = VendorResponse(
        vendor_id=vendor_id, status=VendorStatus.COMPLETED, raw_status="COMPLETED", images=("http://x/1",)
    )
    assert lifecycle.mark_rendered([(attempt, answer, None)])


def images(source: TryOnRequest) -> list[TryOnImage]:
    out = io.BytesIO()
    Image.new("RGB", (40, 50)).save(out, "PNG")
    return result_images.store(source, [isolated.decode_result(out.getvalue())])


def complete(source: TryOnRequest) -> None:
    render(source)
    assert lifecycle.mark_completed([(source, images(source))])


def exceed_deadline(source: TryOnRequest) -> None:
    lifecycle.fail_at_deadline(source.attempts.get())


def fail(source: TryOnRequest) -> None:
    attempt = source.attempts.get()
    answer = VendorResponse(
        vendor_id=attempt.vendor_id or "", status=VendorStatus.ERROR, raw_status="ERROR", error_code="vendor"
    )
    assert lifecycle.mark_render_failed(attempt, answer, is_charged=False)


def give_up(source: TryOnRequest) -> None:
    lifecycle.give_up(source, "vendor", "download_failed")


def cancel(source: TryOnRequest) -> None:
    assert lifecycle.cancel(source)


ENDS = [complete, exceed_deadline, fail, give_up, cancel]
EVERY_END = pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])


def states(source: TryOnRequest) -> Counter[str]:
    return Counter(source.followers.values_list("state", flat=True))


def last_events(source: TryOnRequest) -> list[str]:
    """Of all followers, except the first event of each."""
    rows = TryOnEvent.objects.filter(request__source=source).exclude(name="accepted")
    return sorted(rows.values_list("name", flat=True))
