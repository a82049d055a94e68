from __future__ import annotations

import hashlib
import json
import socket
from contextlib import suppress
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
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status, Submission, Verdict
from tests.doors import TOKEN, asked, submit

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks
    from pytest_django.live_server_helper import LiveServer

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
    assert bell == ["django_vton.tasks.dispatch"]


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


# Over real connections ------------------------------------------------------------------------------


def send(server: LiveServer, head: str, *parts: bytes, token: str = TOKEN, hang_up: bool = False) -> bytes:
    """The status line of the answer to these very bytes; `hang_up` ends our side after them."""
    host, port = server.thread.host, server.thread.port
    path = reverse("vton:callback", args=[token])
    with socket.create_connection((host, port), timeout=10) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}\r\n".encode())
        with suppress(OSError):  # The answer may be there before all is sent, and the line closed.
            for part in parts:
                line.sendall(part)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as answer:
            return answer.readline().strip()


NAMED = json.dumps({"request_id": ID}).encode()
FULL = json.dumps({"request_id": ID, "filler": "x" * 65_536}).encode()
CHUNKED = (
    b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (FULL[:50_000], FULL[50_000:])) + b"0\r\n\r\n"
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("head", "body", "named"),
    [
        (f"Content-Length: {len(NAMED)}\r\n", NAMED, True),
        (f"Content-Length: {len(FULL)}\r\n", FULL, False),
        ("Transfer-Encoding: chunked\r\n", CHUNKED, False),
        ("Content-Length: 12\r\n", FULL, False),
        (f"Content-Length: {10**12}\r\n", FULL, False),
        ("Content-Length: 5000\r\n", NAMED, True),
        ("Content-Length: -1\r\n", NAMED, False),
        ("Content-Length: many\r\n", NAMED, False),
        ("", NAMED, False),
    ],
    ids=["right", "long", "chunked", "too-short", "enormous", "cut-off", "negative", "word", "none"],
)
def test_at_most_64_kb_are_read_whatever_the_length_says(
    row: TryOnRequest, live_server: LiveServer, head: str, body: bytes, named: bool
) -> None:
    assert b" 200 " in send(live_server, head, body, hang_up=True)
    row.refresh_from_db()
    assert Attempt.objects.get().vendor_id == (ID if named else None)
    assert row.state == (State.SUBMITTED if named else State.SUBMITTING)


@pytest.mark.django_db(transaction=True)
def test_a_guess_is_answered_before_its_body_is_there(row: TryOnRequest, live_server: LiveServer) -> None:
    assert b" 404 " in send(live_server, f"Content-Length: {10**12}\r\n", token="guessed")
    row.refresh_from_db()
    assert row.state == State.SUBMITTING


@pytest.mark.django_db(transaction=True)
def test_more_than_64_kb_are_not_waited_for(submitted: TryOnRequest, live_server: LiveServer) -> None:
    assert b" 200 " in send(live_server, f"Content-Length: {10**12}\r\n", FULL)
    assert is_due(submitted)


# What a body may hold -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "a\0b", "\ud800", "", " ", ".", "..", "a b", "ä", "x" * 201, "x" * 60_000,
        -0.5, 1e300, True, None, [], {}, [ID], {"id": ID}, 10**300,
    ],
    ids=lambda it: repr(it)[:12],
)  # fmt: skip
def test_an_id_that_is_none_names_nothing(row: TryOnRequest, value: Any) -> None:
    assert call({"request_id": value}).status_code == 200
    row.refresh_from_db()
    assert (row.state, Attempt.objects.get().vendor_id) == (State.SUBMITTING, None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"request_id": NaN}',
        b'{"request_id": 1e999}',
        b'{"request_id": ' + b"9" * 5_000 + b"}",
        b'{"request_id": ' * 4_000 + b"1" + b"}" * 4_000,
        b'{"request_id": "\\ud800"}',
        b'{"request_id": "\xed\xa0\x80"}',
        b'{"request_id": "a"} trailing',
        b"\xef\xbb\xbf{}",
        b"\x00" * 10_000,
        "{}".encode("utf-32"),
        b"status=COMPLETED&request_id=a",
    ],
    ids=lambda it: repr(it[:20]),
)
def test_a_body_that_is_broken_is_still_a_hint(submitted: TryOnRequest, body: bytes) -> None:
    assert call(body).status_code == 200
    assert is_due(submitted)
    assert Attempt.objects.get().vendor_id == ID


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "", "application/json; charset=no-such", "application/json; charset=rot13",
        "application/json; charset=utf-7", "multipart/form-data", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "image/png", "x" * 5_000,
    ],
    ids=lambda it: it[:40],
)  # fmt: skip
def test_a_content_type_says_nothing(row: TryOnRequest, content_type: str) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.generic("POST", reverse("vton:callback", args=[TOKEN]), NAMED, content_type)
    assert response.status_code == 200
    row.refresh_from_db()
    assert Attempt.objects.get().vendor_id == ID


def test_a_token_is_kept_as_its_hash_alone(row: TryOnRequest) -> None:
    attempt = Attempt.objects.get(request=row)
    assert attempt.token_hash == hashlib.sha256(TOKEN.encode()).hexdigest()
    assert attempt.token_hash is not None
    # Who reads the table cannot call: the hash is no token.
    assert call({"request_id": ID}, token=attempt.token_hash).status_code == 404
