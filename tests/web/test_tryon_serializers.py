from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone, translation

from django_vton.messages import RENDER_MESSAGES
from django_vton.models import TryOnRequest
from django_vton.models.states import PROGRESS, State
from django_vton.monitoring.typical_duration import typical_seconds
from django_vton.web import tryon_serializers
from django_vton.web.api.tryons import _etag

pytestmark = pytest.mark.django_db

STARTED = timezone.now()


def create_row(state: State, **values: object) -> TryOnRequest:
    fields: dict[str, object] = {
        "product": "shop.product:1",
        "engine": "fashn-v1.6",
        "state": state,
        "image_count": 1,
    }
    return TryOnRequest.objects.create(**fields | values)


@pytest.mark.parametrize("state", State)
def test_progress_and_eta_depend_only_on_the_state(state: State) -> None:
    row = create_row(state, created_at=STARTED - timedelta(hours=1))
    body = tryon_serializers.TryOnSerializer(row).data
    assert body["progress"] == PROGRESS[state]
    assert body["eta_seconds"] == {0.1: 18, 0.2: 16, 0.4: 12, 0.9: 2, 1.0: 0}[PROGRESS[state]]
    assert body["typical_seconds"] == 20
    assert (body["error"] is not None) == (state == State.FAILED)


@pytest.mark.parametrize("code", [*RENDER_MESSAGES, "of-a-shops-own-engine"])
def test_an_error_has_a_message_for_the_shopper_whatever_its_code(code: str) -> None:
    error = tryon_serializers.TryOnSerializer(create_row(State.FAILED, error_code=code)).data["error"]
    assert error["code"] in RENDER_MESSAGES
    assert error["message"] == str(RENDER_MESSAGES[error["code"]])
    retryable = {"images_unreachable", "vendor", "deadline", "outcome_unknown"}
    assert error["retryable"] == (error["code"] in retryable)


def test_a_try_on_that_shares_a_render_shows_the_state_of_the_render() -> None:
    for state, shown in [
        (State.QUEUED, State.QUEUED),
        (State.SUBMITTED, State.SUBMITTED),
        (State.RENDERED, State.RENDERED),
        (State.COMPLETED, State.RENDERED),
        (State.FAILED, State.RENDERED),
    ]:
        source = create_row(state, error_code="vendor")
        follower = create_row(State.QUEUED, source=source)
        assert tryon_serializers.shown_state(follower) == shown
    assert (
        tryon_serializers.shown_state(create_row(State.CANCELED, source=create_row(State.SUBMITTED)))
        == State.CANCELED
    )


def test_the_etag_depends_on_the_language() -> None:
    row = create_row(State.FAILED, error_code="moderated")
    with translation.override("de"):
        in_german = _etag(row)
    assert in_german != _etag(row)


def test_an_engine_that_is_no_longer_configured_has_typical_seconds() -> None:
    assert (
        tryon_serializers.TryOnSerializer(create_row(State.FAILED, engine="old-v0")).data["typical_seconds"]
        == 20
    )


def test_typical_seconds_are_the_median_of_recent_renders() -> None:
    assert typical_seconds("glass-v1") == 30  # The engine's default.
    cache.clear()
    for seconds in (5, 7, 400):
        create_row(State.COMPLETED, started_at=STARTED, finished_at=STARTED + timedelta(seconds=seconds))
    create_row(State.FAILED, started_at=STARTED, finished_at=STARTED + timedelta(seconds=1))
    shared = create_row(State.COMPLETED, started_at=STARTED, finished_at=STARTED)
    create_row(State.COMPLETED, source=shared)
    TryOnRequest.objects.filter(pk=shared.pk).update(started_at=None)
    assert typical_seconds("fashn-v1.6") == 7
    assert typical_seconds("glass-v1") == 30


def test_typical_seconds_are_cached() -> None:
    assert typical_seconds("fashn-v1.6") == 20
    create_row(State.COMPLETED, started_at=STARTED, finished_at=STARTED + timedelta(seconds=5))
    assert typical_seconds("fashn-v1.6") == 20
    cache.clear()
    assert typical_seconds("fashn-v1.6") == 5


def test_a_visitor_without_a_row_has_no_try_ons() -> None:
    create_row(State.COMPLETED)
    assert list(tryon_serializers.try_ons_of(None)) == []
