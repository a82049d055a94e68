"""One of several is out of the ordinary: together nothing is changed, and then each goes as by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.gateway.engines import get_engine
from django_vton.lifecycle import together
from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status, Submission, Verdict
from django_vton.worker import claims, outcomes

from ..people import meanwhile
from .company import (
    Crowd,
    Hand,
    answered,
    bring,
    compare,
    due,
    fetched,
    in_hand,
    made,
    refused,
    sent,
    tables,
)
from .test_callbacks import accepted

if TYPE_CHECKING:
    from django_vton.worker.outcomes import Kind

pytestmark = pytest.mark.usefixtures("clock")

Trouble = Callable[[Crowd, list[Hand]], object]
"""What has happened to the second of three since they were read."""

TRANSACTION = ("BEGIN", "SAVEPOINT")
"""How a claim begins, whatever the database."""


def fresh(hand: Hand) -> Hand:
    """As somebody else reads it now, who does not touch what we have in hand."""
    return in_hand(hand.request)


def row(hand: Hand) -> TryOnRequest:
    return fresh(hand).request


# The troubles -----------------------------------------------------------------------------------------


def canceled(_crowd: Crowd, hands: list[Hand]) -> None:
    assert lifecycle.cancel(row(hands[1]))


def erased(_crowd: Crowd, hands: list[Hand]) -> None:
    privacy.erase(row(hands[1]))


def claimed_by_another_pump(_crowd: Crowd, hands: list[Hand]) -> None:
    sent(row(hands[1]))


def sent_and_refused(_crowd: Crowd, hands: list[Hand]) -> None:
    """It is due again, with another attempt than the one in hand."""
    refused(sent(row(hands[1])))


def has_to_wait(_crowd: Crowd, hands: list[Hand]) -> None:
    """Its attempt in hand is the newest, but its row was read before."""
    later = timezone.now() + timedelta(minutes=1)
    nothing = Submission(verdict=Verdict.NOT_SENT)
    lifecycle.submit_refused(sent(row(hands[1])).attempt, nothing, retry_at=later)
    attempt = fresh(hands[1]).attempt
    attempt.request = hands[1].request
    hands[1] = replace(hands[1], attempt=attempt)


def followed_by_another_attempt(_crowd: Crowd, hands: list[Hand]) -> None:
    """Its lease was over, and a late word of the first one let it go again."""
    refused(fresh(hands[1]))
    sent(row(hands[1]))


def answered_before(_crowd: Crowd, hands: list[Hand]) -> None:
    """The connection broke just after the commit."""
    answered(fresh(hands[1]))


def in_doubt(_crowd: Crowd, hands: list[Hand]) -> None:
    assert lifecycle.submit_unknown(fresh(hands[1]).attempt, grace=timedelta(0))


def counted_as_spent(crowd: Crowd, hands: list[Hand]) -> None:
    """Nobody said what became of it, until now."""
    in_doubt(crowd, hands)
    due(hands[1].request)
    lifecycle.outcome_timed_out(row(hands[1]))


def called_back_by_a_liar(_crowd: Crowd, hands: list[Hand]) -> None:
    assert lifecycle.callback(fresh(hands[1]).attempt, f"forged {hands[1].attempt.pk}")


def has_the_id_of_another_one(crowd: Crowd, hands: list[Hand]) -> None:
    [other] = crowd.shirts(1)
    lifecycle.submit_answered(sent(other).attempt, *accepted(hands[1].vendor_id))


def has_the_same_id_as_the_next(_crowd: Crowd, hands: list[Hand]) -> None:
    hands[2] = replace(hands[2], given_id=hands[1].vendor_id)


def comes_twice(_crowd: Crowd, hands: list[Hand]) -> None:
    hands[2] = hands[1]


def asked_about_by_another_pump(_crowd: Crowd, hands: list[Hand]) -> None:
    assert lifecycle.claim(row(hands[1]), timezone.now(), claims.LEASE)


def was_asked_about(crowd: Crowd, hands: list[Hand]) -> None:
    asked_about_by_another_pump(crowd, hands)
    lifecycle.release(row(hands[1]), timezone.now() + timedelta(seconds=10))


def is_rendered(_crowd: Crowd, hands: list[Hand]) -> None:
    hand = fresh(hands[1])
    assert lifecycle.rendered(hand.request, hand.attempt, hand.done())


def sent_again_by_an_operator(_crowd: Crowd, hands: list[Hand]) -> None:
    """The vendor first said that it had failed: another attempt runs."""
    hand = fresh(hands[1])
    failed = Answer(vendor_id=hand.vendor_id, status=Status.ERROR, word="ERROR", error_code="vendor")
    assert lifecycle.render_failed(hand.request, hand.attempt, failed, charged=False)
    assert lifecycle.retry(row(hand), actor_id=None)
    answered(sent(row(hand)))


def has_another_id(_crowd: Crowd, hands: list[Hand]) -> None:
    """It was asked about by a liar's id, which the POST's own answer has corrected."""
    lifecycle.submit_answered(fresh(hands[1]).attempt, *accepted(f"corrected {hands[1].attempt.pk}"))


def reopened_after_its_deadline(_crowd: Crowd, hands: list[Hand]) -> None:
    """Its money counted as spent already."""
    hand = fresh(hands[1])
    lifecycle.deadline_over(hand.request, hand.attempt)
    assert lifecycle.callback(fresh(hand).attempt, "")


def called_back_while_it_is_asked_about(_crowd: Crowd, hands: list[Hand]) -> None:
    """It is due at once."""
    assert lifecycle.callback(fresh(hands[1]).attempt, "")


def asked_about_once_more(_crowd: Crowd, hands: list[Hand]) -> None:
    """Its lease was over, and another pump has it."""
    free = {"lease_until": timezone.now(), "due_at": timezone.now()}
    TryOnRequest.objects.filter(pk=hands[1].request.pk).update(**free)
    lease = claims.LEASE + timedelta(seconds=1)
    assert lifecycle.claim(row(hands[1]), timezone.now(), lease)


def completed_by_another_pump(_crowd: Crowd, hands: list[Hand]) -> None:
    hand = fresh(hands[1])
    assert lifecycle.completed(hand.request, hand.pictures())


def given_up(_crowd: Crowd, hands: list[Hand]) -> None:
    lifecycle.give_up(row(hands[1]), "vendor", "not_fetched")


# Together: none ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One of the functions, and the door above it."""

    name: str
    ready: Callable[[TryOnRequest], Hand]
    """Brings a row to where the step begins."""
    together: Callable[[Sequence[Hand]], bool]
    becomes: State
    kind: Kind | None = None
    outcomes: Callable[[Hand], tuple[Any, ...]] = lambda _hand: ()


def due_again(bring_it: Callable[[TryOnRequest], Hand]) -> Callable[[TryOnRequest], Hand]:
    """Nobody works on it, and it is due."""

    def ready(request: TryOnRequest) -> Hand:
        hand = bring_it(request)
        lifecycle.release(hand.request, timezone.now())
        return fresh(hand)

    return ready


def claim_submits(hands: Sequence[Hand]) -> bool:
    tokens = [f"hash of {hand.attempt.pk}" for hand in hands]
    return together.claim_submits([hand.attempt for hand in hands], timezone.now(), claims.LEASE, tokens)


SUBMIT = Step("submit", in_hand, claim_submits, State.SUBMITTING)
ANSWER = Step(
    "answer",
    sent,
    lambda hands: together.submits_answered([(hand.attempt, hand.running()) for hand in hands]),
    State.SUBMITTED,
    outcomes.SUBMITTED,
    lambda hand: (hand.job("submit"), hand.running()),
)
QUESTION = Step(
    "question",
    due_again(made),
    lambda hands: together.claim([hand.request for hand in hands], timezone.now(), claims.LEASE),
    State.SUBMITTED,
)
NOT_YET = Step(
    "not yet",
    made,
    lambda hands: together.release(
        [(hand.request, timezone.now() + timedelta(seconds=10)) for hand in hands]
    ),
    State.SUBMITTED,
    outcomes.ASKED,
    lambda hand: (hand.job("ask"), hand.running().answer, None, True),
)
RENDER = Step(
    "render",
    made,
    lambda hands: together.rendered(
        [(hand.request, hand.attempt, hand.done()) for hand in hands], lease=claims.LEASE
    ),
    State.RENDERED,
    outcomes.ASKED,
    lambda hand: (hand.job("ask"), hand.done(), None, True),
)
FETCH = Step(
    "fetch",
    fetched,
    lambda hands: together.completed([(hand.request, hand.pictures()) for hand in hands]),
    State.COMPLETED,
    outcomes.FETCHED,
    lambda hand: (hand.job("fetch"), hand.pictures()),
)

CASES: list[tuple[Step, Trouble]] = [
    *[(SUBMIT, it) for it in (canceled, erased, claimed_by_another_pump, sent_and_refused, has_to_wait)],
    *[(ANSWER, it) for it in (canceled, erased, followed_by_another_attempt, answered_before, in_doubt)],
    *[(ANSWER, it) for it in (counted_as_spent, called_back_by_a_liar, has_the_id_of_another_one)],
    *[(ANSWER, it) for it in (has_the_same_id_as_the_next, comes_twice)],
    *[(QUESTION, it) for it in (canceled, asked_about_by_another_pump, was_asked_about, is_rendered)],
    *[(NOT_YET, it) for it in (canceled, called_back_while_it_is_asked_about, asked_about_once_more)],
    *[(NOT_YET, it) for it in (is_rendered, reopened_after_its_deadline, comes_twice)],
    *[(RENDER, it) for it in (canceled, erased, is_rendered, sent_again_by_an_operator, has_another_id)],
    *[(RENDER, it) for it in (reopened_after_its_deadline, comes_twice)],
    *[(FETCH, it) for it in (canceled, erased, completed_by_another_pump, given_up, comes_twice)],
]


def of(cases: list[tuple[Step, Trouble]]) -> pytest.MarkDecorator:
    ids = [f"{step.name}-{trouble.__name__}" for step, trouble in cases]
    return pytest.mark.parametrize(("step", "trouble"), cases, ids=ids)


@of(CASES)
def test_one_that_cannot_move_keeps_all_in_their_place(crowd: Crowd, step: Step, trouble: Trouble) -> None:
    crowd.spectacles(1)  # Whose money is held: without it no more could be taken than there is.
    hands = [step.ready(request) for request in crowd.shirts(3)]
    trouble(crowd, hands)
    before = tables()
    assert not step.together(hands)
    assert tables() == before


@pytest.mark.parametrize(
    ("step", "is_by_itself"),
    [
        (RENDER, {"state": State.UNKNOWN}),
        (RENDER, {"last_attempt": 2}),
    ],
    ids=["state", "last_attempt"],
)
def test_what_the_rules_keep_from_being_is_looked_for_all_the_same(
    crowd: Crowd, step: Step, is_by_itself: dict[str, Any]
) -> None:
    """One condition alone: elsewhere the attempt's money has moved as well."""
    hands = [step.ready(request) for request in crowd.shirts(3)]
    odd = TryOnRequest.objects.filter(pk=hands[1].request.pk)
    usual = odd.values(*is_by_itself).get()
    odd.update(**is_by_itself)
    before = tables()
    assert not step.together(hands)
    assert tables() == before
    odd.update(**usual)


# The door above: each of the others, and the odd one as by itself ---------------------------------------


@of([case for case in CASES if case[0].kind is not None])
def test_news_of_the_others_is_stored_and_the_odd_one_ends_as_by_itself(
    crowd: Crowd, step: Step, trouble: Trouble
) -> None:
    def make() -> list[Hand]:
        hands = [step.ready(request) for request in crowd.shirts(3)]
        trouble(crowd, hands)
        return hands

    kind = step.kind
    assert kind is not None
    came: list[Any] = []

    def alone(hands: Sequence[Hand]) -> None:
        came.append([_told(kind.alone(*step.outcomes(hand))) for hand in hands])

    def all_at_once(hands: Sequence[Hand]) -> None:
        came.append([_told(outcome) for outcome in bring(kind, [step.outcomes(hand) for hand in hands])])

    found = compare(make, alone, all_at_once)
    assert came[0] == came[1]
    assert found["requests"][0]["state"] == step.becomes
    if trouble not in {comes_twice, has_the_same_id_as_the_next}:
        assert found["requests"][2]["state"] == step.becomes


def _told(outcome: Any) -> Any:
    """Which job or none, or whether."""
    return outcome.kind if isinstance(outcome, claims.Job) else outcome


@of([case for case in CASES if case[0] is SUBMIT])
def test_a_look_claims_the_others_and_leaves_the_odd_one(crowd: Crowd, step: Step, trouble: Trouble) -> None:
    def make() -> list[Hand]:
        return [step.ready(request) for request in crowd.shirts(3)]

    def alone(hands: Sequence[Hand]) -> list[Hand]:
        hands = list(hands)
        trouble(crowd, hands)
        engine = get_engine(hands[0].request.engine)
        jobs = [claims._claim_submit(hand.request, hand.attempt, engine) for hand in hands]
        return _in_order([job for job in jobs if job is not None], hands)

    def all_at_once(hands: Sequence[Hand]) -> list[Hand]:
        hands = list(hands)
        with meanwhile(TRANSACTION, lambda: trouble(crowd, hands)):
            jobs = claims.take(10, 10)
        return _in_order(jobs, hands)

    found = compare(make, alone, all_at_once)
    assert [found["requests"][place]["state"] for place in (0, 2)] == [State.SUBMITTING] * 2
    assert len(found["requests in hand"]) == 2


@of([case for case in CASES if case[0] is QUESTION])
def test_a_look_asks_about_the_others_and_leaves_the_odd_one(
    crowd: Crowd, step: Step, trouble: Trouble
) -> None:
    def make() -> list[Hand]:
        return [step.ready(request) for request in crowd.shirts(3)]

    def alone(hands: Sequence[Hand]) -> list[Hand]:
        trouble(crowd, list(hands))
        return [hand for hand in hands if lifecycle.claim(hand.request, timezone.now(), claims.LEASE)]

    def all_at_once(hands: Sequence[Hand]) -> list[Hand]:
        with meanwhile(TRANSACTION, lambda: trouble(crowd, list(hands))):
            jobs = claims.take(10, 10)
        return _in_order(jobs, hands)

    found = compare(make, alone, all_at_once)
    assert len(found["requests in hand"]) == 2


def _in_order(jobs: Sequence[claims.Job], hands: Sequence[Hand]) -> list[Hand]:
    """Theirs: an odd one of the other company may be due as well."""
    of = {job.request.pk: Hand(job.request, job.attempt) for job in jobs}
    return [of[hand.request.pk] for hand in hands if hand.request.pk in of]


def test_a_photo_that_goes_between_the_look_and_the_claim_costs_nobody_else_their_turn(crowd: Crowd) -> None:
    rows = crowd.shirts(3)
    photo = rows[1].photo
    assert photo is not None
    with meanwhile(TRANSACTION, photo.delete):
        jobs = claims.take(10, 10)
    assert {job.request.pk for job in jobs} == submitting()

    # PostgreSQL looks at links at the very end, and has taken back the whole look, and here the deletion too.
    jobs += claims.take(10, 10)
    flown = [job.request.pk for job in jobs]
    assert sorted(flown) == sorted(submitting())
    assert {rows[0].pk, rows[2].pk} <= set(flown)
    if connection.vendor != "postgresql":
        assert crowd.desk.money(crowd.desk.reload(rows[1], State.FAILED, "deadline")) == ["free"]


def submitting() -> set[Any]:
    return set(TryOnRequest.objects.filter(state=State.SUBMITTING).values_list("pk", flat=True))
