"""A strange answer is recorded by a worker, printed, replayed by the sandbox, and recorded alike."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from django_vton.models import Attempt, Exchange, TryOnRequest
from django_vton.models.states import TERMINAL, Money, State

if TYPE_CHECKING:
    from ..conftest import Vton
    from ..lifecycle.harness import Harness

FASHN_PATH = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
STATUS_PATH = "/v2/requests/status/"


@pytest.fixture(autouse=True)
def _recording(vton: Vton) -> None:
    vton(TRANSCRIPT=True)


def printed(row: TryOnRequest) -> Any:
    out = io.StringIO()
    call_command("vton_transcript", str(row.pk), "--json", stdout=out)
    return json.loads(out.getvalue())


def answers(transcript: Any) -> list[Any]:
    """What the vendor has said, in order."""
    return [
        (it["kind"], it["method"], it["path"], it["status"], it["request"]["body"], it["response"]["body"])
        for attempt in transcript["attempts"]
        for it in attempt["exchanges"]
    ]


def replay_elsewhere(harness: Harness, recorded: Any) -> None:
    """Replay in another shop, which has not seen the transcript's ids, on another gateway."""
    for attempt in Attempt.objects.all():
        Attempt.objects.filter(pk=attempt.pk).update(vendor_id=f"of-the-first-shop-{attempt.pk}")
    harness.gateway.reset()
    harness.gateway.replay(recorded)


def exchange(kind: str, method: str, path: str, status: int | None, answer: Any, **fields: Any) -> Any:
    return {
        "kind": kind,
        "method": method,
        "path": path,
        "status": status,
        "request": {"headers": {}, "body": {}},
        "response": {"headers": {"content-type": "application/json"}, "body": answer},
        "error": "",
    } | fields


def transcript(*exchanges: Any, vendor_id: str | None = None, outcome: str = "unknown") -> Any:
    attempt = {
        "number": 1,
        "engine": "fashn-v1.6",
        "vendor_id": vendor_id,
        "outcome": outcome,
        "price_usd": 0.075,
        "exchanges": list(exchanges),
    }
    return {"format": "django-vton transcript 1", "attempts": [attempt]}


def finish(harness: Harness, row: TryOnRequest) -> TryOnRequest:
    """Poll, and download what has come."""
    for _ in range(2):
        if row.state not in TERMINAL:
            harness.make_due(row)
            harness.run_cycle()
            row.refresh_from_db()
    return row


def test_an_unknown_word_is_recorded_and_replayed(garment_harness: Harness) -> None:
    harness = garment_harness
    harness.gateway.scenario(running="WARMING_UP", outcome="RESTING", seconds=0)
    row = finish(harness, harness.order_submitted())
    assert row.state == State.SUBMITTED
    recorded = printed(row)
    assert [it["kind"] for it in recorded["attempts"][0]["exchanges"]] == ["submit", "poll"]
    assert recorded["attempts"][0]["exchanges"][1]["response"]["body"]["json"]["status"] == "RESTING"
    assert recorded["attempts"][0]["exchanges"][1]["times"] == 2

    replay_elsewhere(harness, recorded)
    again = finish(harness, harness.order_submitted())
    assert answers(printed(again)) == answers(recorded)
    assert harness.charged() == 75_000


def test_a_whole_render_with_its_callback_is_replayed(garment_harness: Harness) -> None:
    harness = garment_harness
    row = harness.order_submitted()
    assert harness.gateway.ledger.wait_for(lambda it: it.totals["callbacks_acknowledged"] == 1)
    row = finish(harness, row)
    assert row.state == State.COMPLETED
    recorded = printed(row)
    kinds = [it["kind"] for it in recorded["attempts"][0]["exchanges"]]
    assert kinds == ["submit", "callback", "poll", "download"]

    replay_elsewhere(harness, recorded)
    again = harness.order_submitted()
    assert harness.gateway.ledger.wait_for(lambda it: it.totals["callbacks_acknowledged"] == 1)
    again = finish(harness, again)
    assert again.state == State.COMPLETED
    without_size = [it[:5] for it in answers(printed(again))]
    assert without_size == [it[:5] for it in answers(recorded)]
    assert answers(printed(again))[:3] == answers(recorded)[:3]
    assert harness.charged() == 75_000
    assert harness.gateway.ledger.counts(recorded["attempts"][0]["vendor_id"]).media_fetches == 1


def test_a_nested_id_is_recorded_and_replayed(garment_harness: Harness) -> None:
    """The id is not where it was expected; this shop takes it from the callback."""
    harness, vendor_id = garment_harness, "fashn-strange-1"
    answer = {"data": {"deep": [{"request_id": vendor_id}], "state": "accepted"}, "code": 0}
    header = {"headers": {"x-webhook-url": "https://removed.invalid/callback"}, "body": {}}
    harness.gateway.replay(
        transcript(
            exchange("submit", "POST", FASHN_PATH, 201, {"json": answer}, request=header),
            exchange(
                "callback", "POST", "/", 200, {},
                request={"headers": {}, "body": {"json": {"request_id": vendor_id, "status": "ODD"}}},
            ),
            exchange(
                "poll", "GET", STATUS_PATH + vendor_id, 200,
                {"json": {"request_id": vendor_id, "status": "COMPLETED",
                          "output": {"media_url": ["https://removed.invalid/1"]}}},
            ),
            vendor_id=vendor_id,
        )
    )  # fmt: skip
    row = harness.order()
    harness.run_cycle()
    assert harness.gateway.ledger.wait_for(lambda it: it.totals["callbacks_acknowledged"] == 1)
    row = finish(harness, row)
    assert row.state == State.COMPLETED
    recorded = printed(row)
    assert recorded["attempts"][0]["exchanges"][0]["response"]["body"] == {"json": answer}
    assert (harness.spent(), harness.charged()) == (75_000, 75_000)

    replay_elsewhere(harness, recorded)
    again = harness.order()
    harness.run_cycle()
    assert harness.gateway.ledger.wait_for(lambda it: it.totals["callbacks_acknowledged"] == 1)
    again = finish(harness, again)
    assert answers(printed(again)) == answers(recorded)


def test_engines_that_poll_with_a_body_are_replayed(harness: Harness) -> None:
    row = harness.order_submitted()
    harness.poll_when_finished(row)
    recorded = printed(finish(harness, row))
    replay_elsewhere(harness, recorded)
    again = finish(harness, harness.order_submitted())
    assert again.state == State.COMPLETED
    assert [it[:5] for it in answers(printed(again))] == [it[:5] for it in answers(recorded)]


@pytest.mark.parametrize(
    ("status", "body", "state", "money"),
    [
        (400, {"json": {"error": "no: https://removed.invalid/1"}}, State.FAILED, Money.FREE),
        (200, {"text": "<html>Just a moment...</html>"}, State.UNKNOWN, Money.HELD),
        (None, {}, State.UNKNOWN, Money.HELD),
        (200, {"bytes": 2000, "begins": "89504e47"}, State.UNKNOWN, Money.HELD),
        (200, {"too_long": True}, State.UNKNOWN, Money.HELD),
    ],
)
def test_each_kind_of_answer_is_replayed(
    garment_harness: Harness, status: int | None, body: Any, state: State, money: Money
) -> None:
    harness = garment_harness
    error = "" if status else "ReadTimeout"
    harness.gateway.replay(transcript(exchange("submit", "POST", FASHN_PATH, status, body, error=error)))
    row = harness.order()
    harness.run_cycle()
    row.refresh_from_db()
    assert (row.state, harness.money_states(row)) == (state, [money])
    stored = Exchange.objects.get()
    assert (stored.status, stored.response["body"]) == (status, body)
    assert bool(stored.error) == (status is None)


def test_a_retry_after_is_replayed(garment_harness: Harness) -> None:
    limited = exchange("submit", "POST", FASHN_PATH, 429, {"json": {"error": "later"}})
    limited["response"]["headers"]["retry-after"] = "77"
    garment_harness.gateway.replay(transcript(limited, outcome="refused"))
    row = garment_harness.order()
    garment_harness.run_cycle()
    assert Exchange.objects.get().response["headers"]["retry-after"] == "77"
    assert garment_harness.charged() == 0
    garment_harness.reload(row, State.QUEUED)


def test_a_system_error_is_refunded(garment_harness: Harness) -> None:
    harness = garment_harness
    poll = exchange(
        "poll", "GET", STATUS_PATH + "a-1", 200, {"json": {"request_id": "a-1", "status": "ERROR"}}
    )
    submit = exchange("submit", "POST", FASHN_PATH, 202, {"json": {"request_id": "a-1", "status": "QUEUED"}})
    harness.gateway.replay(transcript(submit, poll, vendor_id="a-1", outcome="accepted"))
    row = finish(harness, harness.order_submitted())
    harness.reload(row, State.FAILED, "vendor")
    assert (harness.charged(), harness.spent()) == (0, 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "format"),
        ({"format": "another"}, "format"),
        ({"format": "django-vton transcript 1"}, "attempts"),
        (transcript({"kind": "submit"}), "method"),
        (transcript(), "no submit"),
        (transcript(exchange("submit", "POST", "/", None, {}, error="ConnectError: refused")), "no submit"),
    ],
)
def test_what_is_no_transcript_is_refused(harness: Harness, data: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        harness.gateway.replay(data)
    file = tmp_path / "transcript.json"
    file.write_text(json.dumps(data))
    with pytest.raises(CommandError, match=message):
        call_command("vton_sandbox", "--port", "0", "--replay", str(file))
