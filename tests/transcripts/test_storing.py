"""What is stored of the exchanges, how much of it, for how long, and what that costs."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton import privacy
from django_vton.models import Attempt, Exchange, TryOnRequest
from django_vton.models.states import State

from ..canary.canaries import before_statement_on_new_connections, raising
from ..intake_helpers import run_before_statement
from ..tryons import TOKEN, claim_for_submit

if TYPE_CHECKING:
    from ..conftest import Vton
    from ..lifecycle.harness import Harness


@pytest.fixture
def _recording(vton: Vton) -> None:
    vton(TRANSCRIPT=True)


recording = pytest.mark.usefixtures("_recording")


def transcript(row: TryOnRequest, *arguments: str) -> str:
    out = io.StringIO()
    call_command("vton_transcript", str(row.pk), *arguments, stdout=out)
    return out.getvalue()


def run_due(harness: Harness, row: TryOnRequest) -> None:
    harness.make_due(row)
    harness.run_cycle()


def send_callback(token: str = TOKEN, **body: Any) -> Any:
    url = reverse("vton:callback", args=[token])
    return Client(headers={"user-agent": "Pixazo/1"}).post(
        url, json.dumps(body), content_type="application/json"
    )


def submitting(harness: Harness) -> TryOnRequest:
    """A try-on whose callback has the token of the tests."""
    row = harness.order()
    claim_for_submit(row)
    return row


# Costs ----------------------------------------------------------------------------------------------


def test_nothing_is_stored_by_default(garment_harness: Harness) -> None:
    """No statement, either, in a whole life with a callback."""
    harness, statements = garment_harness, list[int]()
    with before_statement_on_new_connections("vton_exchange", lambda: statements.append(1)):
        row = harness.order_submitted()
        assert harness.gateway.ledger.wait_for(lambda it: it.totals["callbacks_acknowledged"] == 1)
        run_due(harness, row)
        run_due(harness, row)
        harness.reload(row, State.COMPLETED)
    assert statements == []
    with pytest.raises(CommandError, match="TRANSCRIPT"):
        transcript(row)


def test_a_callback_costs_no_more_queries_by_default(harness: Harness, vton: Vton) -> None:
    submitting(harness)
    send_callback(request_id="r-1")
    counts = []
    for is_on in (False, True):
        vton(TRANSCRIPT=is_on)
        with CaptureQueriesContext(connection) as queries:
            assert send_callback(request_id="r-1").status_code == 200
        counts.append(len(queries))
        assert any("vton_exchange" in it["sql"] for it in queries) == is_on
    assert counts[0] < counts[1]


def test_a_single_try_on_can_have_a_transcript(garment_harness: Harness) -> None:
    row, other = garment_harness.order(), garment_harness.order()
    TryOnRequest.objects.filter(pk=row.pk).update(keep_transcript=True)
    garment_harness.run_cycle()
    assert [it.attempt.request_id for it in Exchange.objects.filter(kind="submit")] == [row.pk]
    assert "POST /fashn" in transcript(row)
    with pytest.raises(CommandError, match="TRANSCRIPT"):
        transcript(other)


# Limits ---------------------------------------------------------------------------------------------


@recording
def test_equal_polls_are_one_row(harness: Harness) -> None:
    harness.gateway.scenario(seconds=60)
    row = harness.order_submitted()
    for _ in range(4):
        run_due(harness, row)
    assert list(Exchange.objects.values_list("kind", "times")) == [("submit", 1), ("poll", 4)]
    poll = Exchange.objects.get(kind="poll")
    assert poll.at < poll.last_at < timezone.now()


@recording
def test_the_first_polls_and_the_last_are_kept(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_vton.gateway.transcripts.MAX_POLLS", 3)
    harness.gateway.scenario(seconds=60, unknown_asks=1, failed_asks=1)
    row = harness.order_submitted()
    for word in ("", "", "one", "two", "three"):
        [render] = harness.gateway._server._renderer.renders.values()  # type: ignore[union-attr]
        render.status = word or render.status
        run_due(harness, row)
    polls = Exchange.objects.filter(kind="poll").order_by("pk")
    assert [(it.status, it.times) for it in polls] == [(404, 1), (500, 1), (200, 3)]
    assert polls[2].response["body"]["json"]["status"] == "three"


@recording
def test_callbacks_cannot_fill_the_table(harness: Harness) -> None:
    row = submitting(harness)
    for number in range(30):
        assert send_callback(request_id="r-1", number=number, filler="word " * 5_000).status_code == 200
    assert send_callback("x" * 43, request_id="r-1").status_code == 404
    stored = Exchange.objects.filter(attempt__request=row).order_by("pk")
    assert stored.count() == 5
    assert sum(len(json.dumps(it.request)) for it in stored) < 100_000
    assert stored[0].request["body"]["json"]["number"] == 0
    assert stored[0].request["headers"]["user-agent"] == "Pixazo/1"
    assert TOKEN not in json.dumps(list(stored.values("path", "request", "response", "error")))


# Failures -------------------------------------------------------------------------------------------


@recording
def test_a_transcript_that_cannot_be_stored_loses_nothing(
    garment_harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness = garment_harness
    with before_statement_on_new_connections('INTO "vton_exchange"', raising(DatabaseError("full"))):
        row = harness.order_submitted()
        assert harness.gateway.ledger.wait_for(lambda it: it.totals["callbacks_acknowledged"] == 1)
        run_due(harness, row)
        run_due(harness, row)
    harness.reload(row, State.COMPLETED)
    assert caplog.text.count("the transcript is not stored") == 3
    assert "the callback is not in the transcript" in caplog.text
    assert harness.gateway.ledger.counts(row.attempts.get().vendor_id or "").callbacks_sent == 1
    with pytest.raises(CommandError, match="older than a week"):
        transcript(row)


@recording
def test_an_outcome_is_stored_before_its_transcript(garment_harness: Harness) -> None:
    states: list[str] = []

    def record() -> None:
        states.append(Attempt.objects.get().outcome)

    with before_statement_on_new_connections('INTO "vton_exchange"', record):
        garment_harness.order_submitted()
    assert states[0] == "accepted"


@recording
def test_a_callback_whose_transcript_fails_is_accepted(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    row = submitting(harness)
    with run_before_statement('INSERT INTO "vton_exchange"', raising(DatabaseError("full"))):
        assert send_callback(request_id="r-1").status_code == 200
    row.refresh_from_db()
    assert row.state == State.SUBMITTED
    assert "not in the transcript" in caplog.text
    assert TOKEN not in caplog.text


# Retention ------------------------------------------------------------------------------------------


@recording
def test_exchanges_are_deleted_after_a_week(harness: Harness) -> None:
    row = harness.order_submitted()
    now = timezone.now()
    assert privacy.purge(now + timedelta(days=6))["exchanges"] == 0
    assert "Attempt 1" in transcript(row)
    assert privacy.purge(now + timedelta(days=8))["exchanges"] == 1
    with pytest.raises(CommandError, match="older than a week"):
        transcript(row)


@recording
def test_an_erased_try_on_has_no_transcript(harness: Harness) -> None:
    row, other = harness.order_submitted(), harness.order_submitted()
    privacy.erase_tryon(row)
    assert [it.attempt.request_id for it in Exchange.objects.all()] == [other.pk]
    assert other.shopper is not None
    other.shopper.delete()
    assert not Exchange.objects.exists()


@recording
def test_nothing_is_recorded_of_an_erased_try_on(harness: Harness) -> None:
    """A late callback must not bring the exchanges back."""
    row = submitting(harness)
    privacy.erase_tryon(row)
    assert send_callback(request_id="r-1").status_code == 200
    assert not Exchange.objects.exists()


# Showing --------------------------------------------------------------------------------------------


@recording
def test_the_command_prints_markdown_without_secrets(garment_harness: Harness, vton: Vton) -> None:
    vton(RESULT_HOSTS=["results.shop.example"])
    harness = garment_harness
    row = harness.order_submitted()
    printed = transcript(row)
    assert printed.startswith(f"### Transcript of try-on {row.pk}\n")
    for part in (
        *("django-vton 0", "Django ", "Python ", "engine `fashn-v1.6`, state `submitted`", "**submit**"),
        *('"model_image": "https://removed.invalid/1"', "sandbox", "```json"),
    ):
        assert part in printed
    for part in ("results.shop.example", "127.0.0.1", "localhost"):
        assert part not in printed


@pytest.mark.django_db
def test_the_command_explains_an_unknown_id() -> None:
    for unknown in ("x", "0b9f0c3e-5f0e-4a55-9a3a-0d1c0a4c9a11"):
        with pytest.raises(CommandError, match=f"no try-on {unknown}"):
            call_command("vton_transcript", unknown)


@recording
def test_the_admin_shows_the_transcript(harness: Harness, admin_client: Client) -> None:
    row = harness.order_submitted()
    run_due(harness, row)
    url = reverse("admin:vton_tryonrequest_change", args=[row.pk])
    page = admin_client.get(url).content.decode()
    assert 'id="vton-transcript"' in page
    assert "POST /glass-virtual-try-on/v1/api/glass-virtual-tryon" in page
    assert "&quot;model_image_path&quot;: &quot;[removed]&quot;" in page
    assert "style=" not in page[page.index("vton-transcript") : page.index("vton-events")]
    Exchange.objects.all().delete()
    assert "vton-transcript" not in admin_client.get(url).content.decode()
