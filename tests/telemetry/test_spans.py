"""A try-on is one trace, from the POST to its picture, and its spans lead to no person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from django_vton import lifecycle, privacy
from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import State

from ..tryons import TRY_ONS, create_tryon, post_tryon

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.test import Client
    from opentelemetry.sdk.trace import ReadableSpan

    from django_vton.models import PersonPhoto
    from shop.models import Product

    from ..conftest import PhotoMaker
    from ..lifecycle.harness import Harness
    from .conftest import Recorded

PRICE = 0.075


def names(spans: Iterable[ReadableSpan]) -> list[str]:
    return [span.name for span in spans]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    context = parent.get_span_context()
    assert context is not None
    assert child.parent is not None
    return (child.parent.trace_id, child.parent.span_id) == (context.trace_id, context.span_id)


@pytest.mark.usefixtures("traced_shop")
def test_a_try_on_is_one_trace_from_the_post_to_the_picture(
    garment_harness: Harness, shirt: Product, guest: Client, phone_photo: PhotoMaker, recorded: Recorded
) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    garment_harness.run_cycle()
    assert garment_harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
    garment_harness.run_cycle()
    garment_harness.run_cycle()
    row = garment_harness.reload(row, State.COMPLETED)

    own = ["vton.try_on", "vton.queue", "vton.submit", "vton.render", "vton.download"]
    post = next(span for span in recorded.spans() if span.name == f"POST {TRY_ONS}")
    whole, *phases = (span for span in recorded.spans() if span.name.startswith("vton."))
    assert [whole.name, *names(phases)] == own
    assert is_child(whole, post)
    assert all(is_child(phase, whole) for phase in phases)
    moments = [phase.start_time for phase in phases] + [phases[-1].end_time]
    assert moments == [whole.start_time, *(phase.end_time for phase in phases)], "the phases leave no gap"

    engine = {"vton.engine": "fashn-v1.6"}
    sent = {**engine, "vton.attempt": 1}
    assert attributes(whole) == {
        **engine,
        "vton.try_on.id": str(row.pk),
        "vton.outcome": "completed",
        "vton.cost_usd": PRICE,
    }
    port = int(garment_harness.gateway.url.rpartition(":")[2])
    call = {"http.request.method": "POST", "server.address": "127.0.0.1", "server.port": port}
    assert [attributes(phase) for phase in phases] == [
        engine,
        {**sent, **call, "http.response.status_code": 202},
        sent,
        engine,
    ]
    assert [[event.name for event in phase.events] for phase in phases] == [[], [], ["callback"], []]
    assert {span.status.status_code for span in (whole, *phases)} == {StatusCode.UNSET}
    assert recorded.metrics() == {
        "vton.try_on.duration": {("fashn-v1.6", "completed"): 1},
        "vton.try_on.cost": {("fashn-v1.6",): PRICE},
        "vton.phase.duration": {
            ("fashn-v1.6", "queue"): 1,
            (202, "fashn-v1.6", "submit"): 1,
            ("fashn-v1.6", "render"): 1,
            ("fashn-v1.6", "download"): 1,
        },
    }


def test_without_a_traced_request_the_trace_begins_with_the_try_on(
    harness: Harness, glasses: Product, guest: Client, phone_photo: PhotoMaker, recorded: Recorded
) -> None:
    row = create_tryon(guest, glasses, phone_photo())
    harness.run_cycle()
    assert lifecycle.poll_now(row, actor_id=None), "an event that begins no phase"
    harness.poll_when_finished(row)
    harness.run_cycle()
    whole, *phases = recorded.spans()
    assert whole.parent is None
    assert all(is_child(phase, whole) for phase in phases)
    assert len(phases) == 4


@pytest.mark.usefixtures("traced_shop")
def test_a_cancel_continues_the_trace_of_the_order_and_not_its_own(
    harness: Harness, glasses: Product, guest: Client, phone_photo: PhotoMaker, recorded: Recorded
) -> None:
    row = create_tryon(guest, glasses, phone_photo())
    assert guest.post(reverse("vton:cancel", args=[row.pk])).status_code == 200
    harness.reload(row, State.CANCELED)
    order, whole, queue, _cancel = recorded.spans()
    assert names([whole, queue]) == ["vton.try_on", "vton.queue"]
    assert is_child(whole, order)
    assert attributes(whole)["vton.outcome"] == "canceled"

    untraced = harness.order()
    recorded.exporter.clear()
    with trace.get_tracer("shop").start_as_current_span("an operator's request"):
        lifecycle.cancel(untraced)
    assert next(span for span in recorded.spans() if span.name == "vton.try_on").parent is None


def test_a_refused_submit_and_its_retry_are_two_spans(
    harness: Harness, glasses: Product, recorded: Recorded
) -> None:
    harness.gateway.scenario(submit_status=429)
    row = harness.order(product=glasses)
    harness.run_cycle()
    harness.gateway.scenario(outcome="FAILED")
    harness.run_due_cycle()
    harness.poll_when_finished(row)
    harness.reload(row, State.FAILED, "vendor")
    whole, *phases = recorded.spans()
    expected = ["queue", "submit", "queue", "submit", "render"]
    assert names(phases) == [f"vton.{name}" for name in expected]
    assert attributes(whole)["error.type"] == "vendor"
    assert [span.status.status_code.name for span in (whole, *phases)] == [
        *("ERROR", "UNSET", "ERROR", "UNSET", "UNSET", "UNSET"),
    ]
    refused = attributes(phases[1])
    assert (refused["error.type"], refused["http.response.status_code"]) == ("429", 429)
    assert [attributes(phase).get("vton.attempt") for phase in phases] == [None, 1, None, 2, 2]


def test_a_reopened_try_on_has_a_second_span_and_is_paid_once(harness: Harness, recorded: Recorded) -> None:
    row = harness.order_submitted()
    attempt = Attempt.objects.select_related("request").get(request=row)
    lifecycle.fail_at_deadline(attempt)
    assert lifecycle.receive_callback(Attempt.objects.select_related("request").get(pk=attempt.pk), "")
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    first, second = (span for span in recorded.spans() if span.name == "vton.try_on")
    assert attributes(first)["error.type"] == "deadline"
    assert attributes(first)["vton.cost_usd"] > 0
    assert attributes(second)["vton.cost_usd"] == 0
    assert (first.end_time or 0) <= (second.start_time or 0)
    phases = names(span for span in recorded.spans() if (span.start_time or 0) >= (second.start_time or 0))
    assert phases == ["vton.try_on", "vton.render", "vton.download"]


@pytest.mark.usefixtures("traced_shop")
def test_a_shared_render_is_linked(
    garment_harness: Harness, shirt: Product, guest: Client, house_model: PersonPhoto, recorded: Recorded
) -> None:
    response = post_tryon(guest, shirt, photo_id=str(house_model.pk))
    row = TryOnRequest.objects.get(pk=response.json()["id"])
    source = row.source
    assert source is not None
    lifecycle.give_up(source, "photo_gone", "photo_gone")
    garment_harness.reload(row, State.FAILED, "photo_gone")
    tryons = [span for span in recorded.spans() if span.name == "vton.try_on"]
    by_id = {attributes(span)["vton.try_on.id"]: span for span in tryons}
    assert [bool(by_id[str(it.pk)].links) for it in (source, row)] == [False, True]
    assert len([span for span in recorded.spans() if span.name == "vton.queue"]) == 1, "of the source"


@pytest.mark.usefixtures("traced_shop")
def test_what_the_shop_does_not_sample_is_not_sampled(
    harness: Harness,
    glasses: Product,
    guest: Client,
    phone_photo: PhotoMaker,
    recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.tryons.TRY_ONS", f"{TRY_ONS}?unsampled=1")
    row = create_tryon(guest, glasses, phone_photo())
    assert lifecycle.cancel(row)
    harness.reload(row, State.CANCELED)
    assert names(recorded.spans()) == []
    assert recorded.metrics()["vton.try_on.duration"] == {("glass-v1", "canceled"): 1}


@pytest.mark.usefixtures("traced_shop", "recorded", "harness")
def test_an_erased_try_on_leads_to_no_trace(glasses: Product, guest: Client, phone_photo: PhotoMaker) -> None:
    row = create_tryon(guest, glasses, phone_photo())
    assert row.traceparent
    privacy.erase_tryon(row)
    assert TryOnRequest.objects.get(pk=row.pk).traceparent == ""
