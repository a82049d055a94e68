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
from django_vton.web.api.tryons import RETRY_AFTER, _etag

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
    body = serializers.TryOnSerializer(row).data
    assert body["progress"] == PROGRESS[state]
    assert body["eta_seconds"] == {0.1: 18, 0.2: 16, 0.4: 12, 0.9: 2, 1.0: 0}[PROGRESS[state]]
    assert body["typical_seconds"] == 20
    assert (body["error"] is not None) == (state == State.FAILED)


@pytest.mark.parametrize("code", [*RENDER_MESSAGES, "of-a-shops-own-engine"])
def test_an_error_is_for_the_shopper(code: str) -> None:
    error = serializers.TryOnSerializer(made(State.FAILED, error_code=code)).data["error"]
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
        german = _etag(row)
    assert german != _etag(row)


def test_an_engine_that_the_shop_has_no_more() -> None:
    assert serializers.TryOnSerializer(made(State.FAILED, engine="old-v0")).data["typical_seconds"] == 20


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
