"""What must be true in every world, and on the way from one to the next.

`books` says of these few rows what `tests/lifecycle/invariants.py` says of all: only the files are left out,
which the small world does not write.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from django_vton.models.states import REOPENABLE_CODES, SOURCES, TERMINAL, Money, State

from ..lifecycle.invariants import NEWEST
from .model_world import LOST

if TYPE_CHECKING:
    from django_vton.models import TryOnRequest

    from .model_view import View
    from .model_world import World


def check(world: World, view: View) -> None:
    """Of one world."""
    books(view)
    for row in view.rows:
        shape(row, view)
    # Addresses of a photo live only while the vendor may fetch it.
    assert not view.stray, "a link is left"
    vendor(world, view)


def books(view: View) -> None:
    """The periods' sums are those of the attempts."""
    sums: dict[tuple[str, date], Counter[str]] = {}
    for attempts in view.attempts.values():
        for attempt in attempts:
            for period in (("day", attempt.budget_day), ("month", attempt.budget_day.replace(day=1))):
                sums.setdefault(period, Counter())[attempt.money] += attempt.amount
    booked = {(kind, starts_on): (held, spent) for kind, starts_on, held, spent in view.periods}
    counted = {period: (by["held"], by["spent"]) for period, by in sums.items()}
    assert booked == dict.fromkeys(booked, (0, 0)) | counted, "the books differ from the attempts"


def shape(row: TryOnRequest, view: View) -> None:
    """One row, its attempts, its pictures."""
    has_ended = row.state in TERMINAL
    assert has_ended == (row.finished_at is not None), f"ended: {row.state}"
    assert bool(row.error_code) == (row.state == State.FAILED), f"error: {row.state}"
    assert (row.state == State.RENDERED) == bool(row.result_urls), f"addresses: {row.state}"
    if has_ended:
        assert (row.due_at, row.lease_until) == (None, None), f"due: {row.state}"
    if row.state == State.COMPLETED:
        is_own = row.source_id is None and row.erased_at is None
        assert not is_own or view.images[row.pk] == row.image_count > 0, "completed without a picture"
    else:
        assert not view.images[row.pk], f"a picture of what is {row.state}"
    if row.erased_at is not None:
        left = (row.shopper_id, row.photo_id, row.source_id, row.shared_key, row.cache_key, row.result_urls)
        assert left == (None, None, None, None, "", []), "erased, and something is left"
        assert (row.counted_in, row.address_key) == ([], ""), "erased, and it tells whose it was"
        assert has_ended, "erased, and it lives"
        assert not view.images[row.pk], "erased, and a picture is left"
    events = [event for event in view.events[row.pk] if event[0] != "erased"]
    assert events[-1][2] == row.state, f"no event says that it is {row.state}"
    attempts = view.attempts[row.pk]
    assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
    if attempts:
        assert row.last_attempt == len(attempts)
        assert {attempt.money for attempt in attempts[:-1]} <= {Money.FREE}, "an earlier attempt keeps money"
        newest = attempts[-1].money
        assert newest in NEWEST[State(row.state)], f"{row.state}, and its money is {newest}"
    else:
        assert row.source_id is not None or has_ended, "nobody drives it"


def vendor(world: World, view: View) -> None:
    """What the vendor charged is in the books, and charged once."""
    names = [flight.name for flight in world.submits()]
    assert len(names) == len(set(names)), "an attempt was claimed for two POSTs"
    money = {(pk, attempt.number): attempt for pk, found in view.attempts.items() for attempt in found}
    charged = [render.attempt for render in world.renders.values() if render.is_charged]
    for name in charged:
        assert money[name].money != Money.FREE or name in world.denied, "charged, and its money is free"
    words = Counter(pk for pk, _number in world.denied)
    for pk, times in Counter(pk for pk, _number in charged).items():
        assert times <= 1 + words[pk], "charged twice without an operator's word"
    for flight in world.submits():
        if 0 < flight.told < LOST and flight.arrived != "accepted":
            attempt = money[flight.name]
            assert attempt.money == Money.FREE or attempt.vendor_id, "refused, and its money is not free"


def step(before: View, after: View) -> None:
    """From one world to the next: who has ended stays so, and every change has its event."""
    was = {row.pk: row for row in before.rows}
    for row in after.rows:
        old = was.get(row.pk)
        if old is None:
            continue
        new = after.events[row.pk][len(before.events[row.pk]) :]
        state = old.state
        for name, source, target in new:
            if not source:
                continue
            # A word that changes nothing is noted with the state twice.
            assert source == state, f"{name} came from {source}, and it was {state}"
            allowed = {target, *SOURCES[State(target)]}
            assert source in allowed, f"{name}: {source} to {target}"
            state = target
        assert state == row.state, f"{old.state} became {row.state} without an event"
        ended(old, row, [name for name, _source, _target in new])


def ended(old: TryOnRequest, new: TryOnRequest, events: list[str]) -> None:
    """Terminal states never change, with the documented exceptions; the erased not at all."""
    if old.state not in TERMINAL:
        return
    if old.erased_at is not None:
        # An operator's word may still free its money.
        assert (new.state, new.erased_at) == (old.state, old.erased_at), "erased, and it was changed"
    same = (old.state, old.error_code, old.finished_at) == (new.state, new.error_code, new.finished_at)
    if same or not events:
        assert same, f"{old.state} was changed in silence"
        return
    assert old.state == State.FAILED, f"{old.state} came back by {events}"
    reopened = {"submitted", "callback", "adopted", "source_reopened"}
    if events[0] == "not_charged":
        assert old.error_code == "outcome_unknown", f"{old.error_code} came back by {events}"
    else:
        assert old.error_code in REOPENABLE_CODES, f"{old.error_code} came back by {events}"
        assert events[0] in reopened, f"{old.state} came back by {events}"
