"""What must be true in every state of the simulation, and of every change from one state to the next.

For these few rows this repeats what `tests/lifecycle/invariants.py` checks for any number, except the files,
which the simulation does not write.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from django_vton.models.states import ALLOWED_SOURCES, REOPENABLE_CODES, TERMINAL, Money, State

from ..lifecycle.invariants import CURRENT
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
        left = (row.shopper_id, row.photo_id, row.source_id, row.shared_key, row.result_urls)
        assert left == (None, None, None, None, []), "erased, and something is left"
        assert not row.cache_key + row.other_cache_key, "erased, and a hash of the photo is left"
        assert (row.quota_ids, row.address_key) == ([], ""), "erased, and the quotas lead to the shopper"
        assert has_ended, "erased, and not ended"
        assert not view.images[row.pk], "erased, and an image is left"
    events = [event for event in view.events[row.pk] if event[0] != "erased"]
    assert events[-1][2] == row.state, f"{row.state} without an event"
    attempts = view.attempts[row.pk]
    assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
    if attempts:
        current = attempts[row.current_attempt_number - 1]
        assert current.engine == row.engine, "its engine is not that of its attempt"
        charged = [attempt for attempt in attempts if attempt.money != Money.FREE and attempt != current]
        assert all(attempt.vendor_id for attempt in charged), "another attempt keeps money"
        assert row.state != State.QUEUED or not charged, "queued, and the vendor renders it"
        money = current.money
        assert money in CURRENT[State(row.state)], f"{row.state}, and its money is {money}"
    else:
        assert row.source_id is not None or has_ended, "it would never end"


def _check_charges(simulation: Simulation, view: DatabaseView) -> None:
    """What the vendor charged is booked, and it charged once, or answered with an error."""
    keys = [call.attempt_key for call in simulation.submits()]
    assert len(keys) == len(set(keys)), "an attempt was claimed for two submits"
    attempts = {(pk, attempt.number): attempt for pk, found in view.attempts.items() for attempt in found}
    errors = {call.attempt_key for call in simulation.submits() if call.outcome == "500"}
    denied = simulation.declared_free | errors
    charged = [render for render in simulation.renders.values() if render.is_charged]
    for render in charged:
        is_booked = attempts[render.attempt_key].money != Money.FREE
        assert is_booked or render.attempt_key in denied, "charged, and its money is free"
        assert is_booked or not render.is_named, "a callback has told of a charge, and its money is free"
    told_free = Counter(pk for pk, _number in denied)
    for pk, times in Counter(render.attempt_key[0] for render in charged).items():
        assert times <= 1 + told_free[pk], "charged twice, although nobody said that it was free"
    states = {row.pk: row.state for row in view.rows}
    for call in simulation.submits():
        if 0 < call.times_stored < CUT_OFF and call.outcome != "accepted":
            attempt = attempts[call.attempt_key]
            # After a 500, a callback is awaited. Once one has come, the next 500 means nothing.
            may_be_charged = states[call.request_id] == State.UNKNOWN or attempt.outcome in {"", "unknown"}
            is_open = call.outcome == "500" and may_be_charged
            is_free = attempt.money == Money.FREE or attempt.vendor_id
            assert is_free or is_open, "refused, and its money is not free"


def _check_images(simulation: Simulation, view: DatabaseView) -> None:
    """A render that failed before a wall is the shop's failure and counts in no quota; no other one is."""
    walled = {render.attempt_key for render in simulation.renders.values() if render.is_walled}
    for row in view.rows:
        attempts = view.attempts[row.pk]
        if row.error_code == "images_unreachable":
            assert not row.quota_ids, "the images were not loaded, and it counts"
            assert not attempts or (row.pk, row.current_attempt_number) in walled, "the images were loaded"
        elif row.state == State.FAILED and (row.pk, row.current_attempt_number) in walled:
            events = [name for name, *_ in view.events[row.pk] if name != "erased"]
            current = attempts[row.current_attempt_number - 1]
            has_failed = events[-1] == "vendor_failed" and current.money == Money.SPENT
            # With a reopened try-on, the links were gone when the vendor failed it.
            reopened = {"deadline", "outcome_timed_out", "charged_error"}
            assert not has_failed or reopened & set(events), "whose fault?"


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
        # A charge may be told to a try-on that has ended, or just before it is reopened.
        _check_terminal(
            old, row, [name for name, source, target in events if name != "charged_error" or source != target]
        )


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
