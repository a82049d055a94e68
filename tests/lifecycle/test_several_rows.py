"""Several rows that are changed together end as if each was changed by itself, to the last column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.gateway.engines import get_engine
from django_vton.models import GatewayState, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorStatus
from django_vton.worker import claims, outcomes

from .effects import compare
from .rows import (
    LATER,
    Orders,
    Row,
    accept,
    accepted,
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

if TYPE_CHECKING:
    from django_vton.worker.claims import Job

pytestmark = pytest.mark.usefixtures("clock")

Change = Callable[[Orders, list[Row]], object]
"""What happens to the second of three rows after they were read."""


def fresh(row: Row) -> Row:
    """As another process reads it now."""
    return read(row.request)


# What may happen meanwhile --------------------------------------------------------------------------


def nothing(_orders: Orders, _rows: list[Row]) -> None: ...


def canceled(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.cancel(rows[1].request)


def erased(_orders: Orders, rows: list[Row]) -> None:
    privacy.erase_tryon(fresh(rows[1]).request)


def claimed_by_another_dispatcher(_orders: Orders, rows: list[Row]) -> None:
    submitting(fresh(rows[1]).request)


def lost_by_another_dispatcher(orders: Orders, rows: list[Row]) -> None:
    """The lease of its submit has expired."""
    claimed_by_another_dispatcher(orders, rows)
    expired = {"lease_until": timezone.now(), "due_at": timezone.now()}
    TryOnRequest.objects.filter(pk=rows[1].request.pk).update(**expired)


def sent_and_refused(_orders: Orders, rows: list[Row]) -> None:
    """It is due again, with another attempt."""
    queue_again(submitting(fresh(rows[1]).request))


def has_to_wait(_orders: Orders, rows: list[Row]) -> None:
    """Its newest attempt was read, but its row was read before."""
    later = timezone.now() + timedelta(minutes=1)
    result = SubmitResult(outcome=SubmitOutcome.NOT_SENT)
    lifecycle.mark_refused(submitting(fresh(rows[1]).request).attempt, result, retry_at=later)
    attempt = fresh(rows[1]).attempt
    attempt.request = rows[1].request
    rows[1] = replace(rows[1], attempt=attempt)


def photo_deleted(_orders: Orders, rows: list[Row]) -> None:
    photo = rows[1].request.photo
    assert photo is not None
    type(photo).objects.get(pk=photo.pk).delete()


def marked_as_sent(_orders: Orders, rows: list[Row]) -> None:
    type(rows[1].attempt).objects.filter(pk=rows[1].attempt.pk).update(posted_at=timezone.now())


def followed_by_another_attempt(_orders: Orders, rows: list[Row]) -> None:
    """Its lease had expired, and its late refusal queued it again."""
    queue_again(fresh(rows[1]))
    submitting(fresh(rows[1]).request)


def answered_before(_orders: Orders, rows: list[Row]) -> None:
    """The connection broke right after the commit."""
    accept(fresh(rows[1]))


def outcome_unknown(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.mark_unknown(fresh(rows[1]).attempt, timeout=timedelta(0))


def counted_as_spent(orders: Orders, rows: list[Row]) -> None:
    """Its outcome was not known in time."""
    outcome_unknown(orders, rows)
    make_due(rows[1].request)
    lifecycle.fail_unknown_outcome(rows[1].request)


def called_back_with_a_forged_id(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.receive_callback(fresh(rows[1]).attempt, f"forged {rows[1].attempt.pk}")


def has_the_id_of_another_attempt(orders: Orders, rows: list[Row]) -> None:
    [other] = orders.shirts(1)
    lifecycle.mark_submitted([(submitting(other).attempt, accepted(rows[1].vendor_id))])


def has_the_id_of_the_next_row(_orders: Orders, rows: list[Row]) -> None:
    rows[2] = replace(rows[2], given_id=rows[1].vendor_id)


def comes_twice(_orders: Orders, rows: list[Row]) -> None:
    rows[2] = rows[1]


def polled_by_another_dispatcher(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.claim_due([fresh(rows[1]).attempt], timezone.now(), claims.LEASE)


def polled_and_released(orders: Orders, rows: list[Row]) -> None:
    polled_by_another_dispatcher(orders, rows)
    lifecycle.release([(fresh(rows[1]).request, timezone.now() + timedelta(seconds=10))])


def rendered(_orders: Orders, rows: list[Row]) -> None:
    row = fresh(rows[1])
    assert lifecycle.mark_rendered([(row.attempt, row.finished(), None)])


def retried_by_an_operator(_orders: Orders, rows: list[Row]) -> None:
    """The vendor said first that it had failed. Now another attempt runs."""
    row = fresh(rows[1])
    failed = replace(row.finished(status=VendorStatus.ERROR), error_code="vendor")
    assert lifecycle.mark_render_failed(row.attempt, failed, is_charged=False)
    assert lifecycle.retry(row.request, actor_id=None)
    accept(submitting(fresh(row).request))


def id_corrected(_orders: Orders, rows: list[Row]) -> None:
    """It was polled by a forged id, which the submit's own response has corrected."""
    row = fresh(rows[1])
    lifecycle.mark_submitted([(row.attempt, accepted(f"corrected {row.attempt.pk}"))])


def reopened_after_its_deadline(_orders: Orders, rows: list[Row]) -> None:
    """Its money is spent already."""
    row = fresh(rows[1])
    lifecycle.fail_at_deadline(row.attempt)
    assert lifecycle.receive_callback(fresh(row).attempt, "")


def called_back_while_it_is_polled(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.receive_callback(fresh(rows[1]).attempt, "")


def claimed_again_after_its_lease(_orders: Orders, rows: list[Row]) -> None:
    expired = {"lease_until": timezone.now(), "due_at": timezone.now()}
    TryOnRequest.objects.filter(pk=rows[1].request.pk).update(**expired)
    lease = claims.LEASE + timedelta(seconds=1)
    assert lifecycle.claim_due([fresh(rows[1]).attempt], timezone.now(), lease)


def completed_by_another_dispatcher(_orders: Orders, rows: list[Row]) -> None:
    row = fresh(rows[1])
    assert lifecycle.mark_completed([(row.request, row.images())])


def given_up(_orders: Orders, rows: list[Row]) -> None:
    lifecycle.give_up(fresh(rows[1]).request, "vendor", "download_failed")


# Each step with each of them ------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A function of the worker: what its rows are before, what it does, and what they become."""

    name: str
    prepare: Callable[[TryOnRequest], Row]
    apply: Callable[[Sequence[Row]], list[Any]]
    target: State


def due_for_poll(request: TryOnRequest) -> Row:
    """Released after a poll, and due."""
    row = polling(request)
    lifecycle.release([(row.request, timezone.now())])
    return fresh(row)


def claim_submits(rows: Sequence[Row]) -> list[Any]:
    engine = get_engine(rows[0].request.engine)
    found = claims.claim_submits([row.attempt for row in rows], engine)
    return _claimed(rows, [job.request.pk for job in found])


def claim_polls(rows: Sequence[Row]) -> list[Any]:
    found = claims.claim_polls([row.attempt for row in rows], timezone.now())
    return _claimed(rows, [attempt.request_id for attempt in found])


def _claimed(rows: Sequence[Row], keys: list[Any]) -> list[bool]:
    return [row.request.pk in keys for row in rows]


def store_accepted(rows: Sequence[Row]) -> list[Any]:
    return store_in_bulk(outcomes.on_submit, [(row.job("submit"), row.accepted()) for row in rows])


def store_running(rows: Sequence[Row]) -> list[Any]:
    return store_in_bulk(outcomes.on_poll, [(row.job("poll"), row.running(), None, True) for row in rows])


def store_finished(rows: Sequence[Row]) -> list[Any]:
    polls = [(row.job("poll"), row.finished(), None, True) for row in rows]
    return [job and job.kind for job in store_in_bulk(outcomes.on_poll, polls)]


def store_images(rows: Sequence[Row]) -> list[Any]:
    return store_in_bulk(outcomes.on_download, [(row.job("download"), row.images()) for row in rows])


CLAIM_SUBMIT = Step("claim submits", read, claim_submits, State.SUBMITTING)
ACCEPTED = Step("accepted", submitting, store_accepted, State.SUBMITTED)
CLAIM_POLL = Step("claim polls", due_for_poll, claim_polls, State.SUBMITTED)
RUNNING = Step("running", polling, store_running, State.SUBMITTED)
FINISHED = Step("finished", polling, store_finished, State.RENDERED)
DOWNLOADED = Step("downloaded", downloading, store_images, State.COMPLETED)

CASES: list[tuple[Step, Change]] = [
    *[(CLAIM_SUBMIT, it) for it in (nothing, canceled, erased, claimed_by_another_dispatcher)],
    *[(CLAIM_SUBMIT, it) for it in (lost_by_another_dispatcher, sent_and_refused, has_to_wait)],
    *[(CLAIM_SUBMIT, it) for it in (photo_deleted, marked_as_sent)],
    *[(ACCEPTED, it) for it in (nothing, canceled, erased, followed_by_another_attempt, answered_before)],
    *[(ACCEPTED, it) for it in (outcome_unknown, counted_as_spent, called_back_with_a_forged_id)],
    *[(ACCEPTED, it) for it in (has_the_id_of_another_attempt, has_the_id_of_the_next_row, comes_twice)],
    *[(CLAIM_POLL, it) for it in (nothing, canceled, polled_by_another_dispatcher, rendered)],
    *[(CLAIM_POLL, it) for it in (polled_and_released,)],
    *[(RUNNING, it) for it in (nothing, canceled, called_back_while_it_is_polled)],
    *[(RUNNING, it) for it in (claimed_again_after_its_lease, rendered, reopened_after_its_deadline)],
    *[(RUNNING, it) for it in (comes_twice,)],
    *[(FINISHED, it) for it in (nothing, canceled, erased, rendered, retried_by_an_operator)],
    *[(FINISHED, it) for it in (id_corrected, reopened_after_its_deadline, comes_twice)],
    *[(DOWNLOADED, it) for it in (nothing, canceled, erased, completed_by_another_dispatcher)],
    *[(DOWNLOADED, it) for it in (given_up, comes_twice)],
]


@pytest.mark.parametrize(
    ("step", "change"), CASES, ids=[f"{step.name}-{change.__name__}" for step, change in CASES]
)
def test_a_row_that_has_changed_meanwhile_ends_as_by_itself_and_so_do_the_others(
    orders: Orders, step: Step, change: Change
) -> None:
    def make() -> list[Row]:
        rows = [step.prepare(request) for request in orders.shirts(3)]
        change(orders, rows)
        return rows

    def one_by_one(rows: Sequence[Row]) -> list[Any]:
        return [result for row in rows for result in step.apply([row])]

    found = compare(make, one_by_one, step.apply)
    assert found["requests"][0]["state"] == step.target
    if change not in {comes_twice, has_the_id_of_the_next_row}:
        assert found["requests"][2]["state"] == step.target


# Rows of different kinds ----------------------------------------------------------------------------


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
        return [fresh(row) for row in rows]

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
    stored = fresh(row).request
    for name in ("lease_until", "due_at", "claim_count", "state"):
        assert getattr(row.request, name) == getattr(stored, name)
