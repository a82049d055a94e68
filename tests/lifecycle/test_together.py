"""What is done for many in a few statements is what is done for each by itself, to the last column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.conf import config
from django_vton.gateway.engines import get_engine
from django_vton.lifecycle import together
from django_vton.models import GatewayState, TryOnImage, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status, Submission, Verdict
from django_vton.worker import claims, outcomes

from .company import (
    LATER,
    Crowd,
    Hand,
    answered,
    bring,
    compare,
    due,
    fetched,
    in_hand,
    made,
    on_days,
    refused,
    sent,
    sent_again,
)

if TYPE_CHECKING:
    from ..faults.model_world import Clock

pytestmark = pytest.mark.usefixtures("clock")


# Each function beside its namesake --------------------------------------------------------------------


def test_submits_are_claimed_as_each_is(crowd: Crowd) -> None:
    """Of both engines, one for the second time, one shared."""

    def make() -> list[Hand]:
        first, second = crowd.shirts(2)
        refused(sent(second))
        rows = [first, second, *crowd.spectacles(1), crowd.shared(2)]
        return [in_hand(row) for row in rows]

    def alone(hands: Sequence[Hand]) -> None:
        now = timezone.now()
        for hand in hands:
            token = f"hash of {hand.attempt.pk}"
            assert lifecycle.claim_submit(hand.request, hand.attempt, now, claims.LEASE, token)

    def all_at_once(hands: Sequence[Hand]) -> None:
        attempts = [hand.attempt for hand in hands]
        tokens = [f"hash of {attempt.pk}" for attempt in attempts]
        assert together.claim_submits(attempts, timezone.now(), claims.LEASE, tokens)

    found = compare(make, alone, all_at_once)
    assert [row["state"] for row in found["requests"]] == ["submitting"] * 4 + ["queued"] * 2
    assert found["books"] == {}


@pytest.mark.parametrize("name", ["fashn-v1.6", "glass-v1"])
def test_submits_are_claimed_with_their_links_as_each_is(crowd: Crowd, name: str) -> None:
    """By a look of a pump: the vendor fetches a garment's pictures, and has those of glasses at once."""

    def make() -> list[Hand]:
        rows = crowd.shirts(3) if name == "fashn-v1.6" else crowd.spectacles(3)
        return [in_hand(row) for row in rows]

    def alone(hands: Sequence[Hand]) -> None:
        jobs = [claims._claim_submit(hand.request, hand.attempt, get_engine(name)) for hand in hands]
        assert [job and job.request for job in jobs] == [hand.request for hand in hands]

    def all_at_once(hands: Sequence[Hand]) -> list[Hand]:
        jobs = {job.request.pk: job for job in claims.take(10, 10)}
        return [Hand(jobs[hand.request.pk].request, jobs[hand.request.pk].attempt) for hand in hands]

    found = compare(make, alone, all_at_once)
    assert len(found["links"]) == (6 if name == "fashn-v1.6" else 0)


def test_answers_of_submits_are_stored_as_each_is(crowd: Crowd) -> None:
    """Of two engines, one of which calls back, and of first and second attempts: each are alike."""

    def make() -> list[Hand]:
        hands = [*map(sent, crowd.shirts(2)), *map(sent, crowd.spectacles(2))]
        return [*hands, *map(sent_again, crowd.shirts(2)), sent(crowd.shared(1))]

    def alone(hands: Sequence[Hand]) -> None:
        for hand in hands:
            answered(hand)

    def all_at_once(hands: Sequence[Hand]) -> None:
        alike: dict[Any, list[Hand]] = {}
        for hand in hands:
            alike.setdefault(outcomes.SUBMITTED.key(hand.job("submit"), hand.running()), []).append(hand)
        assert [len(some) for some in alike.values()] == [3, 2, 2]
        for some in alike.values():
            assert together.submits_answered([(hand.attempt, hand.running()) for hand in some])

    found = compare(make, alone, all_at_once)
    assert [row["state"] for row in found["requests"]] == ["submitted"] * 7 + ["queued"]
    assert len({row["due_at"] for row in found["requests"][:7]}) == 2
    assert {row["verdict"] for row in found["attempts"]} == {"accepted", "not_sent"}


def test_questions_and_fetches_are_claimed_as_each_is(crowd: Crowd) -> None:
    """Some ask and some fetch; one was claimed before and never came back."""

    def make() -> list[Hand]:
        hands = [made(crowd.shirts(1)[0]), made(crowd.spectacles(1)[0]), fetched(crowd.shirts(1)[0])]
        for hand in hands:
            due(hand.request)
            free = {"lease_until": timezone.now()} if hand is hands[0] else {"lease_until": None, "claims": 0}
            TryOnRequest.objects.filter(pk=hand.request.pk).update(**free)
        return [in_hand(hand.request) for hand in hands]

    def alone(hands: Sequence[Hand]) -> None:
        for hand in hands:
            assert lifecycle.claim(hand.request, timezone.now(), claims.LEASE)

    def all_at_once(hands: Sequence[Hand]) -> None:
        assert together.claim([hand.request for hand in hands], timezone.now(), claims.LEASE)

    found = compare(make, alone, all_at_once)
    assert [row["claims"] for row in found["requests"]] == [2, 1, 1]
    assert found["requests"] == found["requests in hand"]


def test_what_is_not_yet_done_is_given_back_as_each_is(crowd: Crowd) -> None:
    """Of both engines, each to its own time."""

    def make() -> list[Hand]:
        return [made(row) for row in (*crowd.shirts(2), *crowd.spectacles(1))]

    def times() -> list[datetime]:
        return [timezone.now() + timedelta(seconds=seconds) for seconds in (5, 10, 15)]

    def alone(hands: Sequence[Hand]) -> None:
        for hand, due_at in zip(hands, times(), strict=True):
            lifecycle.release(hand.request, due_at)

    def all_at_once(hands: Sequence[Hand]) -> None:
        assert together.release([(hand.request, due_at) for hand, due_at in zip(hands, times(), strict=True)])

    found = compare(make, alone, all_at_once)
    assert [(row["due_at"], row["claims"]) for row in found["requests"]] == [(at, 0) for at in times()]


@pytest.mark.parametrize("lease", [None, claims.LEASE])
def test_renders_are_taken_as_each_is(crowd: Crowd, lease: timedelta | None) -> None:
    """Of both engines and of second attempts, of four days in three months, and one with two pictures."""
    days = [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1), date(2026, 1, 30), date(2025, 12, 31)]

    def make() -> list[Hand]:
        rows = [*crowd.shirts(1), *crowd.spectacles(1), crowd.shared(2), *crowd.shirts(1)]
        hands = [*map(made, rows), made(crowd.shirts(1)[0], sent_again)]
        on_days(hands, *days)
        return hands

    def alone(hands: Sequence[Hand]) -> None:
        for number, hand in enumerate(hands):
            done = hand.done(1 + (number == 3))
            assert lifecycle.rendered(hand.request, hand.attempt, done, lease=lease)

    def all_at_once(hands: Sequence[Hand]) -> None:
        done = [
            (hand.request, hand.attempt, hand.done(1 + (number == 3))) for number, hand in enumerate(hands)
        ]
        assert together.rendered(done, lease=lease)

    found = compare(make, alone, all_at_once)
    assert [row["claims"] for row in found["requests"][:5]] == [int(lease is not None)] * 5
    assert [len(row["result_urls"]) for row in found["requests"][:5]] == [1, 1, 1, 2, 1]
    assert found["books"]["spent", "day", days[0]] == 2 * 75_000
    assert found["books"]["held", "month", date(2026, 1, 1)] == -(3 * 75_000 + 300_000 - 75_000)
    assert len(found["books"]) == 2 * (4 + 3)
    assert found["links"] == []


@pytest.mark.parametrize("pictures", [1, 2])
def test_pictures_are_ours_as_each_is(crowd: Crowd, pictures: int) -> None:
    """With those who share a render: they end with it, and it lives as long as the last of them."""

    def make() -> list[Hand]:
        rows = [*crowd.shirts(1), crowd.shared(2), *crowd.spectacles(1), crowd.shared(1)]
        return [fetched(row, pictures) for row in rows]

    def alone(hands: Sequence[Hand]) -> None:
        for hand in hands:
            assert lifecycle.completed(hand.request, hand.pictures(pictures))

    def all_at_once(hands: Sequence[Hand]) -> None:
        assert together.completed([(hand.request, hand.pictures(pictures)) for hand in hands])

    found = compare(make, alone, all_at_once)
    assert [row["state"] for row in found["requests"]] == ["completed"] * 7
    assert len(found["images"]) == 4 * pictures
    assert [name for _, name, _ in found["signals"]] == ["tryon_completed"] * 7
    assert found["requests"][1]["expires_at"] == timezone.now() + LATER


# The doors above --------------------------------------------------------------------------------------


def test_news_of_a_busy_moment_is_stored_as_each_is(crowd: Crowd) -> None:
    """All the way, as a pump brings it: answers, renders and pictures."""

    def make() -> list[Hand]:
        return [sent(row) for row in (*crowd.shirts(3), *crowd.spectacles(2))]

    def alone(hands: Sequence[Hand]) -> None:
        for hand in hands:
            outcomes.submitted(hand.job("submit"), hand.running())
        for hand in hands:
            due(hand.request)
            hand.request.refresh_from_db()
            assert lifecycle.claim(hand.request, timezone.now(), claims.LEASE)
        jobs = [outcomes.asked(hand.job("ask"), hand.done(), None, may_fetch=True) for hand in hands]
        assert [job and job.kind for job in jobs] == ["fetch"] * 5
        assert all(outcomes.fetched(hand.job("fetch"), hand.pictures()) for hand in hands)

    def all_at_once(hands: Sequence[Hand]) -> None:
        bring(outcomes.SUBMITTED, [(hand.job("submit"), hand.running()) for hand in hands])
        for hand in hands:
            due(hand.request)
            hand.request.refresh_from_db()
        assert together.claim([hand.request for hand in hands], timezone.now(), claims.LEASE)
        jobs = bring(outcomes.ASKED, [(hand.job("ask"), hand.done(), None, True) for hand in hands])
        assert [job.kind for job in jobs] == ["fetch"] * 5
        assert bring(outcomes.FETCHED, [(hand.job("fetch"), hand.pictures()) for hand in hands]) == [True] * 5

    found = compare(make, alone, all_at_once)
    assert {row["state"] for row in found["requests"]} == {State.COMPLETED}


def test_answers_that_are_not_alike_are_stored_as_each_is(crowd: Crowd) -> None:
    """One came with the picture, one ends what the vendor had refused, and others are no answers at all."""

    def make() -> list[Hand]:
        hands = [sent(row) for row in crowd.shirts(8)]
        a_moment_ago = timezone.now() - timedelta(seconds=1)
        refusal = {"breaker": "402", "refused_at": a_moment_ago, "wait_until": timezone.now()}
        GatewayState.objects.update_or_create(engine="fashn-v1.6", defaults=refusal)
        return hands

    def items(hands: Sequence[Hand]) -> list[tuple[claims.Job, Submission]]:
        jobs = [hand.job("submit") for hand in hands]
        said = [hand.running() for hand in hands]
        said[1] = replace(said[1], answer=hands[1].done())
        jobs[3] = replace(jobs[3], after_refusal=True)
        said[4] = Submission(verdict=Verdict.REFUSED, status_code=400, error_code="vendor")
        said[5] = Submission(verdict=Verdict.UNKNOWN, error="cut off")
        said[6] = Submission(verdict=Verdict.NOT_SENT, error="no way")
        return list(zip(jobs, said, strict=True))

    def alone(hands: Sequence[Hand]) -> None:
        for item in items(hands):
            outcomes.submitted(*item)

    def all_at_once(hands: Sequence[Hand]) -> None:
        assert set(bring(outcomes.SUBMITTED, items(hands))) == {None}

    found = compare(make, alone, all_at_once)
    states = ["submitted", "rendered", "submitted", "submitted", "failed", "unknown", "queued", "submitted"]
    assert [row["state"] for row in found["requests"]] == states
    assert [row["breaker"] for row in found["gateways"]] == [""]


def test_words_of_the_vendor_that_are_not_alike_are_stored_as_each_is(crowd: Crowd) -> None:
    """Done, and to be fetched by this pump or by another one; failed with and without a charge; not yet."""

    def make() -> list[Hand]:
        return [made(row) for row in crowd.shirts(8)]

    def items(hands: Sequence[Hand]) -> list[tuple[claims.Job, Answer | None, float | None, bool]]:
        said: list[Answer | None] = [hand.done() for hand in hands]
        said[1] = replace(hands[1].done(), status=Status.FAILED, images=(), error_code="no_person")
        said[3] = replace(hands[3].done(), status=Status.ERROR, images=(), error_code="vendor")
        said[4] = replace(hands[4].done(), status=Status.RUNNING, images=())
        said[5] = None
        return [
            (hand.job("ask"), answer, 30.0 if answer is None else None, place != 6)
            for place, (hand, answer) in enumerate(zip(hands, said, strict=True))
        ]

    came: list[list[str | None]] = []

    def alone(hands: Sequence[Hand]) -> None:
        came.append([job.kind if job else None for job in (outcomes.asked(*item) for item in items(hands))])

    def all_at_once(hands: Sequence[Hand]) -> None:
        came.append([job.kind if job else None for job in bring(outcomes.ASKED, items(hands))])

    found = compare(make, alone, all_at_once)
    assert came == [["fetch", None, "fetch", None, None, None, None, "fetch"]] * 2
    states = ["rendered", "failed", "rendered", "failed", "submitted", "submitted", "rendered", "rendered"]
    assert [row["state"] for row in found["requests"]] == states
    assert [row["money"] for row in found["attempts"]][:5] == ["spent", "spent", "spent", "free", "held"]


def test_one_picture_and_two_are_stored_as_each_is(crowd: Crowd) -> None:
    def make() -> list[Hand]:
        return [fetched(row, 1 + place % 2) for place, row in enumerate(crowd.shirts(4))]

    def items(hands: Sequence[Hand]) -> list[tuple[claims.Job, list[TryOnImage]]]:
        return [(hand.job("fetch"), hand.pictures(1 + place % 2)) for place, hand in enumerate(hands)]

    def alone(hands: Sequence[Hand]) -> None:
        assert all(outcomes.fetched(*item) for item in items(hands))

    def all_at_once(hands: Sequence[Hand]) -> None:
        assert bring(outcomes.FETCHED, items(hands)) == [True] * 4

    found = compare(make, alone, all_at_once)
    assert [row["image_count"] for row in found["requests"]] == [1, 2, 1, 2]


def test_a_deadline_that_passes_while_news_waits_for_the_thread_is_no_trouble(
    crowd: Crowd, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    hands = [made(row) for row in crowd.shirts(2)]
    clock.now[0] += config.DEADLINE - timedelta(seconds=1)

    def late(items: Sequence[Any]) -> Sequence[Any] | None:
        clock.now[0] += timedelta(seconds=2)
        return outcomes.ASKED.together(items)

    kind = outcomes.ASKED._replace(together=late)
    items = [(hand.job("ask"), hand.running().answer, None, True) for hand in hands]
    assert bring(kind, items) == [None, None]
    assert "could not be stored together" not in caplog.text
    for hand in hands:
        row = in_hand(hand.request).request
        assert row.state == State.FAILED or (row.due_at is not None and row.due_at <= timezone.now())
