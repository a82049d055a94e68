"""What must be true in every state of the simulation, and of every change from one state to the next.

For these few rows this repeats what `tests/lifecycle/invariants.py` checks for any number, except the files,
which the simulation does not write.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from django_vton.models.states import ALLOWED_SOURCES, REOPENABLE_CODES, TERMINAL, Money, State

from ..lifecycle.invariants import NEWEST
from .simulation import CUT_OFF

if TYPE_CHECKING:
    from django_vton.models import TryOnRequest

    from .simulation import Simulation
    from .simulation_database import DatabaseView


def check_state(simulation: Simulation, view: DatabaseView) -> None:
    """Check one state."""
    _check_budget(view)
    for row in view.rows:
        _check_row(row, view)
    # Links to a photo exist only while the vendor may download it.
    assert not view.stray, "a link is left"
    _check_charges(simulation, view)
    _check_images(simulation, view)


def _check_budget(view: DatabaseView) -> None:
    """The periods' sums are those of the attempts."""
    sums: dict[tuple[str, date], Counter[str]] = {}
    for attempts in view.attempts.values():
        for attempt in attempts:
            for period in (("day", attempt.budget_day), ("month", attempt.budget_day.replace(day=1))):
                sums.setdefault(period, Counter())[attempt.money] += attempt.amount
    booked = {(kind, starts_on): (held, spent) for kind, starts_on, held, spent in view.periods}
    counted = {period: (by["held"], by["spent"]) for period, by in sums.items()}
    assert booked == dict.fromkeys(booked, (0, 0)) | counted, "the budget differs from the attempts"


def _check_row(row: TryOnRequest, view: DatabaseView) -> None:
    """One row agrees with its attempts, events and images."""
    has_ended = row.state in TERMINAL
    assert has_ended == (row.finished_at is not None), f"finished_at: {row.state}"
    assert bool(row.error_code) == (row.state == State.FAILED), f"error_code: {row.state}"
    assert (row.state == State.RENDERED) == bool(row.result_urls), f"result_urls: {row.state}"
    if has_ended:
        assert (row.due_at, row.lease_until) == (None, None), f"due_at: {row.state}"
    if row.state == State.COMPLETED:
        has_own_images = row.source_id is None and row.erased_at is None
        assert not has_own_images or view.images[row.pk] == row.image_count > 0, "completed without an image"
    else:
        assert not view.images[row.pk], f"{row.state}, with an image"
    if row.erased_at is not None:
        left = (row.shopper_id, row.photo_id, row.source_id, row.shared_key, row.cache_key, row.result_urls)
        assert left == (None, None, None, None, "", []), "erased, and something is left"
        assert (row.quota_ids, row.address_key) == ([], ""), "erased, and the quotas lead to the shopper"
        assert has_ended, "erased, and not ended"
        assert not view.images[row.pk], "erased, and an image is left"
    events = [event for event in view.events[row.pk] if event[0] != "erased"]
    assert events[-1][2] == row.state, f"{row.state} without an event"
    attempts = view.attempts[row.pk]
    assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
    if attempts:
        assert row.last_attempt_number == len(attempts)
        assert {attempt.money for attempt in attempts[:-1]} <= {Money.FREE}, "an earlier attempt keeps money"
        newest = attempts[-1].money
        assert newest in NEWEST[State(row.state)], f"{row.state}, and its money is {newest}"
    else:
        assert row.source_id is not None or has_ended, "it would never end"


def _check_charges(simulation: Simulation, view: DatabaseView) -> None:
    """What the vendor charged is booked, and it charged once."""
    keys = [call.attempt_key for call in simulation.submits()]
    assert len(keys) == len(set(keys)), "an attempt was claimed for two submits"
    attempts = {(pk, attempt.number): attempt for pk, found in view.attempts.items() for attempt in found}
    charged = [render.attempt_key for render in simulation.renders.values() if render.is_charged]
    for key in charged:
        is_booked = attempts[key].money != Money.FREE or key in simulation.declared_free
        assert is_booked, "charged, and its money is free"
    declared = Counter(pk for pk, _number in simulation.declared_free)
    for pk, times in Counter(pk for pk, _number in charged).items():
        assert times <= 1 + declared[pk], "charged twice, although no operator declared it free"
    for call in simulation.submits():
        if 0 < call.times_stored < CUT_OFF and call.outcome != "accepted":
            attempt = attempts[call.attempt_key]
            assert attempt.money == Money.FREE or attempt.vendor_id, "refused, and its money is not free"


def _check_images(simulation: Simulation, view: DatabaseView) -> None:
    """A render that failed before a wall is the shop's failure and counts in no quota; no other one is."""
    walled = {render.attempt_key for render in simulation.renders.values() if render.is_walled}
    for row in view.rows:
        attempts = view.attempts[row.pk]
        if row.error_code == "images_unreachable":
            assert not row.quota_ids, "the images were not loaded, and it counts"
            assert not attempts or (row.pk, len(attempts)) in walled, "the images were loaded"
        elif row.state == State.FAILED and (row.pk, len(attempts)) in walled:
            events = [name for name, *_ in view.events[row.pk] if name != "erased"]
            has_failed = events[-1] == "vendor_failed" and attempts[-1].money == Money.SPENT
            # With a reopened try-on, the links were gone when the vendor failed it.
            assert not has_failed or "deadline" in events or "outcome_timed_out" in events, "whose fault?"


def check_change(before: DatabaseView, after: DatabaseView) -> None:
    """Every change of a state has its event and is allowed; what has ended stays as it is."""
    old_rows = {row.pk: row for row in before.rows}
    for row in after.rows:
        old = old_rows.get(row.pk)
        if old is None:
            continue
        events = after.events[row.pk][len(before.events[row.pk]) :]
        state = old.state
        for name, source, target in events:
            if not source:
                continue
            # An event that changes no state has the same state twice.
            assert source == state, f"{name} says it came from {source}, and it was {state}"
            allowed = {target, *ALLOWED_SOURCES[State(target)]}
            assert source in allowed, f"{name}: {source} to {target}"
            state = target
        assert state == row.state, f"{old.state} became {row.state} without an event"
        _check_terminal(old, row, [name for name, _source, _target in events])


def _check_terminal(old: TryOnRequest, new: TryOnRequest, events: list[str]) -> None:
    """Terminal states change in the documented cases only, and those of erased rows never."""
    if old.state not in TERMINAL:
        return
    if old.erased_at is not None:
        # An operator may still free its money.
        assert (new.state, new.erased_at) == (old.state, old.erased_at), "erased, and it changed"
    is_same = (old.state, old.error_code, old.finished_at) == (new.state, new.error_code, new.finished_at)
    if is_same or not events:
        assert is_same, f"{old.state} changed without an event"
        return
    assert old.state == State.FAILED, f"{old.state} was reopened by {events}"
    reopening = {"submitted", "callback", "adopted", "source_reopened"}
    if events[0] == "not_charged":
        assert old.error_code == "outcome_unknown", f"{old.error_code} was reopened by {events}"
    elif events[0] == "adoption_withdrawn":
        assert new.state == State.FAILED, f"{new.state} after {events}"
    else:
        assert old.error_code in REOPENABLE_CODES, f"{old.error_code} was reopened by {events}"
        assert events[0] in reopening, f"{old.state} was reopened by {events}"
