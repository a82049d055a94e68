"""Rows of different kinds are changed together, each as by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton.models import GatewayState, TryOnRequest
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorStatus
from django_vton.worker import outcomes

from .effects import compare
from .rows import (
    LATER,
    Orders,
    Row,
    downloading,
    make_due,
    polling,
    queue_again,
    read,
    set_budget_days,
    store_in_bulk,
    submitting,
    submitting_again,
)
from .test_several_rows import claim_polls, claim_submits

if TYPE_CHECKING:
    from django_vton.worker.claims import Job

pytestmark = pytest.mark.usefixtures("clock")


def test_results_of_submits_of_all_kinds_are_stored_together(orders: Orders) -> None:
    """Of both engines and of first and second attempts; final ones, refused ones and unknown ones."""

    def make() -> list[Row]:
        requests = [*orders.shirts(6), orders.shared(1), *orders.glasses(2)]
        a_moment_ago = timezone.now() - timedelta(seconds=1)
        refused = {"breaker": "402", "refused_at": a_moment_ago, "wait_until": timezone.now()}
        rows = [*map(submitting, requests), submitting_again(orders.shirts(1)[0])]
        GatewayState.objects.update_or_create(engine="fashn-v1.6", defaults=refused)
        return rows

    def results(rows: Sequence[Row]) -> list[tuple[Job, SubmitResult]]:
        jobs = [row.job("submit", after_refusal=place == 3) for place, row in enumerate(rows)]
        found = [row.accepted() for row in rows]
        found[0] = replace(found[0], answer=rows[0].finished())
        found[1] = replace(found[1], answer=rows[1].finished(status=VendorStatus.FAILED))
        found[2] = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400, error_code="vendor")
        found[4] = SubmitResult(outcome=SubmitOutcome.UNKNOWN, error="cut off")
        found[5] = SubmitResult(outcome=SubmitOutcome.NOT_SENT, error="no connection")
        return list(zip(jobs, found, strict=True))

    def one_by_one(rows: Sequence[Row]) -> list[None]:
        return [it for result in results(rows) for it in outcomes.on_submit([result])]

    found = compare(make, one_by_one, lambda rows: store_in_bulk(outcomes.on_submit, results(rows)))
    assert [row["state"] for row in found["requests"]] == [
        *("rendered", "failed", "failed", "submitted", "unknown", "queued"),
        *("submitted", "submitted", "submitted", "submitted", "queued"),
    ]
    assert len({row["due_at"] for row in found["requests"] if row["state"] == "submitted"}) == 2
    assert [row["breaker"] for row in found["gateways"]] == [""]


def test_polls_with_all_kinds_of_responses_are_stored_together(orders: Orders) -> None:
    """Finished, for this dispatcher's download and for another's; failed; running; no response; too late."""

    def make() -> list[Row]:
        rows = [polling(request) for request in (*orders.shirts(8), *orders.glasses(1))]
        late = timezone.now() - timedelta(hours=1)
        type(rows[7].attempt).objects.filter(pk=rows[7].attempt.pk).update(posted_at=late)
        rows[7].attempt.posted_at = late
        return rows

    def polls(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        answers: list[Any] = [row.finished() for row in rows]
        answers[1] = rows[1].finished(status=VendorStatus.FAILED)
        answers[3] = replace(rows[3].finished(status=VendorStatus.ERROR), error_code="vendor")
        answers[4] = rows[4].running()
        answers[5] = None
        answers[7] = rows[7].running()
        return [
            (row.job("poll"), answer, 30.0 if answer is None else None, place != 6)
            for place, (row, answer) in enumerate(zip(rows, answers, strict=True))
        ]

    def kinds(jobs: Sequence[Job | None]) -> list[str | None]:
        return [None if job is None else job.kind for job in jobs]

    def one_by_one(rows: Sequence[Row]) -> list[str | None]:
        return [kind for poll in polls(rows) for kind in kinds(outcomes.on_poll([poll]))]

    found = compare(make, one_by_one, lambda rows: kinds(store_in_bulk(outcomes.on_poll, polls(rows))))
    assert found["result"] == ["download", None, "download", *[None] * 5, "download"]
    assert [row["state"] for row in found["requests"]] == [
        *("rendered", "failed", "rendered", "failed", "submitted", "submitted", "rendered", "failed"),
        "rendered",
    ]
    assert [row["money"] for row in found["attempts"]][:5] == ["spent", "spent", "spent", "free", "held"]
    assert [row["claim_count"] for row in found["requests"]] == [1, 0, 1, 0, 0, 0, 0, 0, 1]
    assert len(found["links"]) == 2 * 2, "only the links of unfinished renders are left"


def test_renders_of_several_days_are_booked_in_their_periods(orders: Orders) -> None:
    """Of both engines, of second attempts, one with followers, one with two images."""
    days = [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1), date(2026, 1, 30), date(2025, 12, 31)]

    def make() -> list[Row]:
        requests = [*orders.shirts(1), *orders.glasses(1), orders.shared(2), *orders.shirts(1)]
        rows = [*map(polling, requests), polling(orders.shirts(1)[0], submitting_again)]
        set_budget_days(rows, *days)
        return rows

    def polls(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        answers = [row.finished(1 + (place == 3)) for place, row in enumerate(rows)]
        return [(row.job("poll"), it, None, True) for row, it in zip(rows, answers, strict=True)]

    def in_bulk(rows: Sequence[Row]) -> list[int]:
        return [len(job.request.result_urls) for job in outcomes.on_poll(polls(rows)) if job]

    def one_by_one(rows: Sequence[Row]) -> list[int]:
        found = [outcomes.on_poll([poll]) for poll in polls(rows)]
        return [len(job.request.result_urls) for [job] in found if job]

    found = compare(make, one_by_one, in_bulk)
    assert found["result"] == [1, 1, 1, 2, 1]
    assert found["budgets"]["spent", "day", days[0]] == 2 * 75_000
    assert found["budgets"]["held", "month", date(2026, 1, 1)] == -(3 * 75_000 + 300_000 - 75_000)
    assert len(found["budgets"]) == 2 * (4 + 3)
    assert found["links"] == []


def test_renders_with_different_numbers_of_images_and_with_followers_complete_together(
    orders: Orders,
) -> None:
    def make() -> list[Row]:
        requests = [*orders.shirts(1), orders.shared(2), *orders.glasses(1), orders.shared(1)]
        return [downloading(request, 1 + place % 2) for place, request in enumerate(requests)]

    def downloads(rows: Sequence[Row]) -> list[Any]:
        return [(row.job("download"), row.images(1 + place % 2)) for place, row in enumerate(rows)]

    def one_by_one(rows: Sequence[Row]) -> list[bool]:
        return [it for download in downloads(rows) for it in outcomes.on_download([download])]

    found = compare(make, one_by_one, lambda rows: outcomes.on_download(downloads(rows)))
    assert [row["state"] for row in found["requests"]] == ["completed"] * 7
    assert [row["image_count"] for row in found["requests"]] == [1, 2, 1, 2, 2, 2, 2]
    assert len(found["images"]) == 6
    assert [name for _, name, _ in found["signals"]] == ["tryon_completed"] * 7
    assert found["requests"][1]["expires_at"] == timezone.now() + LATER


@pytest.mark.parametrize("name", ["fashn-v1.6", "glass-v1"])
def test_submits_are_claimed_together_with_their_links(orders: Orders, name: str) -> None:
    """One is claimed for the second time, one is shared."""

    def make() -> list[Row]:
        if name == "glass-v1":
            return list(map(read, orders.glasses(3)))
        first, second = orders.shirts(2)
        queue_again(submitting(second))
        return [read(first), read(second), read(orders.shared(2))]

    def one_by_one(rows: Sequence[Row]) -> list[Any]:
        return [result for row in rows for result in claim_submits([row])]

    found = compare(make, one_by_one, claim_submits)
    assert found["result"] == [True] * 3
    assert [row["state"] for row in found["requests"][:3]] == ["submitting"] * 3
    assert len(found["links"]) == (6 if name == "fashn-v1.6" else 0)
    assert found["budgets"] == {}


def test_polls_and_downloads_are_claimed_together(orders: Orders) -> None:
    """One was claimed before, and its worker did not come back."""

    def make() -> list[Row]:
        rows = [polling(orders.shirts(1)[0]), polling(orders.glasses(1)[0]), downloading(orders.shirts(1)[0])]
        for place, row in enumerate(rows):
            make_due(row.request)
            free = {"lease_until": None, "claim_count": 0} if place else {"lease_until": timezone.now()}
            TryOnRequest.objects.filter(pk=row.request.pk).update(**free)
        return [read(row.request) for row in rows]

    def one_by_one(rows: Sequence[Row]) -> list[Any]:
        return [result for row in rows for result in claim_polls([row])]

    found = compare(make, one_by_one, claim_polls)
    assert found["result"] == [True] * 3
    assert [row["claim_count"] for row in found["requests"]] == [2, 1, 1]


@pytest.mark.parametrize("prepare", [polling, submitting, downloading])
def test_a_claim_updates_the_row_that_its_job_uses(
    orders: Orders, prepare: Callable[[TryOnRequest], Row]
) -> None:
    row = prepare(orders.shirts(1)[0])
    stored = read(row.request).request
    for name in ("lease_until", "due_at", "claim_count", "state"):
        assert getattr(row.request, name) == getattr(stored, name)
