from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.models import Attempt, TryOnRequest
from django_vton.pixazo import Answer, Status, Submission, Verdict
from django_vton.states import State
from tests.doors import TOKEN, asked, submit

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

ID = "fashn-virtual-try-on_019d"


@pytest.fixture
def row(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """Its POST is on its way, and not answered."""
    row = asked(guest, shirt, phone_photo())
    submit(row)
    return row


@pytest.fixture
def submitted(row: TryOnRequest) -> TryOnRequest:
    """Answered, and due much later."""
    running = Answer(vendor_id=ID, status=Status.RUNNING, word="QUEUED")
    lifecycle.submit_answered(
        lifecycle.current_attempt(row), Submission(verdict=Verdict.ACCEPTED, answer=running), running
    )
    row.refresh_from_db()
    return row


def call(body: Any = None, token: str = TOKEN, **kwargs: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body or {})
    client = kwargs.pop("client", None) or Client(enforce_csrf_checks=True)
    return client.post(
        reverse("vton:callback", args=[token]), data, content_type="application/json", **kwargs
    )


def is_due(row: TryOnRequest) -> bool:
    row.refresh_from_db()
    return row.due_at is not None and row.due_at <= timezone.now()


def test_a_callback_makes_the_try_on_due_and_rings(
    submitted: TryOnRequest,
    bell: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    assert not is_due(submitted)
    with django_capture_on_commit_callbacks(execute=True):
        response = call({"request_id": ID, "status": "COMPLETED", "output": {"media_url": ["http://evil/"]}})
    assert (response.status_code, response.content) == (200, b"")
    assert is_due(submitted)
    assert (submitted.state, submitted.result_urls) == (State.SUBMITTED, [])
    assert bell == ["django_vton.tasks.pump"]


def test_a_callback_that_comes_before_the_answer_names_the_render(row: TryOnRequest) -> None:
    assert call({"request_id": ID}).status_code == 200
    row.refresh_from_db()
    assert row.state == State.SUBMITTED
    assert Attempt.objects.get().vendor_id == ID


@pytest.mark.parametrize("token", ["x", "0" * 43, "..", "%00", "ä", TOKEN + "x", "a" * 5000])
def test_a_token_that_is_not_ours_changes_nothing(submitted: TryOnRequest, token: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = Client().post(
            f"/try-on/webhooks/pixazo/{token}/", {"request_id": ID}, content_type="application/json"
        )
    assert response.status_code == 404
    assert all(it["sql"].startswith("SELECT") for it in queries)
    assert not is_due(submitted)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\0",
        b"[" * 60_000,
        b'{"request_id": {}}',
        b"x" * 70_000,
        b"9" * 60_000,
    ],
    ids=lambda it: repr(it[:12]),
)
def test_a_body_that_says_nothing_is_still_a_hint(submitted: TryOnRequest, body: bytes) -> None:
    assert call(body).status_code == 200
    assert is_due(submitted)


def test_a_body_that_is_too_long_names_nothing(row: TryOnRequest) -> None:
    body = json.dumps({"request_id": ID, "filler": "x" * 65_536}).encode()
    assert call(body).status_code == 200
    row.refresh_from_db()
    assert row.state == State.SUBMITTING
    assert Attempt.objects.get().vendor_id is None


def test_a_body_that_names_another_render_is_ignored(submitted: TryOnRequest) -> None:
    assert call({"request_id": "another"}).status_code == 200
    assert not is_due(submitted)
    assert Attempt.objects.get().vendor_id == ID


def test_many_callbacks_are_one_question(submitted: TryOnRequest) -> None:
    call({"request_id": ID})
    submitted.refresh_from_db()
    first = submitted.due_at
    TryOnRequest.objects.filter(pk=submitted.pk).update(due_at=timezone.now() + timedelta(seconds=60))
    for _ in range(3):
        call({"request_id": ID})
    submitted.refresh_from_db()
    assert first is not None
    assert submitted.due_at == first + timedelta(seconds=10)


def test_a_callback_of_an_erased_try_on_only_names_the_attempt(row: TryOnRequest) -> None:
    privacy.erase(row)
    assert call({"request_id": ID}).status_code == 200
    row.refresh_from_db()
    assert row.state == State.CANCELED
    assert Attempt.objects.get().vendor_id == ID


def test_it_reads_no_session(submitted: TryOnRequest, guest: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = call({"request_id": ID}, client=guest)
    assert not any("session" in it["sql"] for it in queries)
    assert "Cookie" not in response.get("Vary", "")
    assert not response.cookies
    assert is_due(submitted)


def test_other_methods(submitted: TryOnRequest) -> None:
    url = reverse("vton:callback", args=[TOKEN])
    for method in ("get", "head", "put", "delete", "options"):
        assert getattr(Client(), method)(url).status_code == 405
    assert not is_due(submitted)
