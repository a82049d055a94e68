"""The states of a try-on and the transitions between them."""

from __future__ import annotations

import itertools

import pytest

from django_vton.models import states
from django_vton.models.states import ACTIVE, ALLOWED_SOURCES, TERMINAL, State


def targets_of(state: State) -> set[State]:
    return {target for target, sources in ALLOWED_SOURCES.items() if state in sources}


def test_every_state_is_either_active_or_terminal() -> None:
    assert set(ACTIVE) | set(TERMINAL) == set(State)
    assert not set(ACTIVE) & set(TERMINAL)
    assert set(states.PUBLIC_STATUS) == set(states.PROGRESS) == set(State)


@pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELED])
def test_completed_and_canceled_try_ons_never_change_state(state: State) -> None:
    assert targets_of(state) == set()


def test_a_failed_try_on_may_be_reopened() -> None:
    assert targets_of(State.FAILED) == {State.SUBMITTED, State.QUEUED}


@pytest.mark.parametrize("state", ACTIVE)
def test_every_active_try_on_can_fail_and_be_canceled(state: State) -> None:
    assert {State.FAILED, State.CANCELED} <= targets_of(state)


def test_only_queued_try_ons_are_submitted() -> None:
    assert ALLOWED_SOURCES[State.SUBMITTING] == (State.QUEUED,)


def test_an_accepted_render_is_never_queued_again() -> None:
    assert not {State.SUBMITTED, State.RENDERED} & set(ALLOWED_SOURCES[State.QUEUED])


def test_progress_increases_from_state_to_state() -> None:
    path = [State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.RENDERED, State.COMPLETED]
    for before, after in itertools.pairwise(path):
        assert before in ALLOWED_SOURCES[after]
        assert states.PROGRESS[before] < states.PROGRESS[after]
