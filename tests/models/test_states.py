"""The table of states, as data."""

from __future__ import annotations

import itertools

import pytest

from django_vton.models import states
from django_vton.models.states import ACTIVE, SOURCES, TERMINAL, State


def reached_from(state: State) -> set[State]:
    return {target for target, sources in SOURCES.items() if state in sources}


def test_every_state_is_running_or_ended() -> None:
    assert set(ACTIVE) | set(TERMINAL) == set(State)
    assert not set(ACTIVE) & set(TERMINAL)
    assert set(states.PUBLIC) == set(states.PROGRESS) == set(State)


@pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELED])
def test_these_ends_are_ends(state: State) -> None:
    assert reached_from(state) == set()


def test_only_a_failure_may_be_reopened() -> None:
    assert reached_from(State.FAILED) == {State.SUBMITTED, State.QUEUED}


@pytest.mark.parametrize("state", ACTIVE)
def test_whatever_runs_can_fail_and_be_canceled(state: State) -> None:
    assert {State.FAILED, State.CANCELED} <= reached_from(state)


def test_only_the_queue_leads_to_a_submit() -> None:
    assert SOURCES[State.SUBMITTING] == (State.QUEUED,)


def test_what_the_vendor_has_never_goes_back_into_the_queue() -> None:
    assert not {State.SUBMITTED, State.RENDERED} & set(SOURCES[State.QUEUED])


def test_progress_grows_along_the_way() -> None:
    way = [State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.RENDERED, State.COMPLETED]
    for before, after in itertools.pairwise(way):
        assert before in SOURCES[after]
        assert states.PROGRESS[before] < states.PROGRESS[after]
