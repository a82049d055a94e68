from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone, translation

from django_vton.messages import RENDER_MESSAGES
from django_vton.models import TryOnRequest
from django_vton.models.states import PROGRESS, State
from django_vton.monitoring.typical_duration import typical_seconds
from django_vton.web import serializers

pytestmark = pytest.mark.django_db

STARTED = timezone.now()


def made(state: State, **values: object) -> TryOnRequest:
    fields: dict[str, object] = {
        "product": "shop.product:1",
        "engine": "fashn-v1.6",
        "state": state,
        "image_count": 1,
    }
    return TryOnRequest.objects.create(**fields | values)


@pytest.mark.parametrize("state", State)
def test_progress_and_eta_hang_on_the_state_alone(state: State) -> None:
    row = made(state, created_at=STARTED - timedelta(hours=1))
    body = serializers.tryon(row, 30)
    assert body["progress"] == PROGRESS[state]
    assert body["eta_seconds"] == {0.1: 27, 0.2: 24, 0.4: 18, 0.9: 3, 1.0: 0}[PROGRESS[state]]
    assert body["typical_seconds"] == 30
    running = body["status"] in {"queued", "processing"}
    assert (serializers.retry_after(row) in {2, 3, 4, 5}) == running
    assert (body["error"] is not None) == (state == State.FAILED)


@pytest.mark.parametrize("code", [*RENDER_MESSAGES, "of-a-shops-own-engine"])
def test_an_error_is_for_the_shopper(code: str) -> None:
    error = serializers.tryon(made(State.FAILED, error_code=code))["error"]
    assert error["code"] in RENDER_MESSAGES
    assert error["message"] == str(RENDER_MESSAGES[error["code"]])
    assert error["retryable"] == (error["code"] in {"vendor", "deadline", "outcome_unknown"})


def test_a_follower_shows_its_sources_state_while_that_runs() -> None:
    for state, shown in [
        (State.QUEUED, State.QUEUED),
        (State.SUBMITTED, State.SUBMITTED),
        (State.RENDERED, State.RENDERED),
        (State.COMPLETED, State.RENDERED),
        (State.FAILED, State.RENDERED),
    ]:
        source = made(state, error_code="vendor")
        follower = made(State.QUEUED, source=source)
        assert serializers.shown_state(follower) == shown
    assert serializers.shown_state(made(State.CANCELED, source=made(State.SUBMITTED))) == State.CANCELED


def test_texts_are_in_the_language_of_the_moment() -> None:
    row = made(State.FAILED, error_code="moderated")
    with translation.override("de"):
        german = serializers.etag(row)
    assert german != serializers.etag(row)


def test_an_engine_that_the_shop_has_no_more() -> None:
    assert serializers.tryon(made(State.FAILED, engine="old-v0"))["typical_seconds"] == 20


def test_typical_seconds_are_the_median_of_the_last_renders() -> None:
    assert typical_seconds("glass-v1") == 30  # A first guess.
    cache.clear()
    for seconds in (5, 7, 400):
        made(State.COMPLETED, started_at=STARTED, finished_at=STARTED + timedelta(seconds=seconds))
    made(State.FAILED, started_at=STARTED, finished_at=STARTED + timedelta(seconds=1))
    shared = made(State.COMPLETED, started_at=STARTED, finished_at=STARTED)
    made(State.COMPLETED, source=shared)
    TryOnRequest.objects.filter(pk=shared.pk).update(started_at=None)
    assert typical_seconds("fashn-v1.6") == 7
    assert typical_seconds("glass-v1") == 30


def test_typical_seconds_are_kept_for_a_minute() -> None:
    assert typical_seconds("fashn-v1.6") == 20
    made(State.COMPLETED, started_at=STARTED, finished_at=STARTED + timedelta(seconds=5))
    assert typical_seconds("fashn-v1.6") == 20
    cache.clear()
    assert typical_seconds("fashn-v1.6") == 5


def test_nobody_owns_nothing() -> None:
    made(State.COMPLETED)
    assert list(serializers.try_ons_of(None)) == []
