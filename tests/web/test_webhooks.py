from __future__ import annotations

import hashlib
import json
import socket
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from django_vton.utils.tokens import PROOF_HEADER, shop_proof
from tests.tryons import TOKEN, claim_for_submit, create_tryon

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

VENDOR_ID = "fashn-virtual-try-on_019d"


@pytest.fixture
def row(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """A try-on whose submit has not been answered."""
    row = create_tryon(guest, shirt, phone_photo())
    claim_for_submit(row)
    return row


@pytest.fixture
def submitted(row: TryOnRequest) -> TryOnRequest:
    """A submitted try-on that is due much later."""
    running = VendorResponse(vendor_id=VENDOR_ID, status=VendorStatus.RUNNING, raw_status="QUEUED")
    lifecycle.mark_submitted(
        [(lifecycle.current_attempt(row), SubmitResult(outcome=SubmitOutcome.ACCEPTED, answer=running))]
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


def test_a_callback_makes_the_try_on_due_and_wakes_a_worker(
    submitted: TryOnRequest,
    enqueued: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    assert not is_due(submitted)
    with django_capture_on_commit_callbacks(execute=True):
        response = call(
            {"request_id": VENDOR_ID, "status": "COMPLETED", "output": {"media_url": ["http://evil/"]}}
        )
    assert (response.status_code, response.content) == (200, b"")
    assert is_due(submitted)
    assert (submitted.state, submitted.result_urls) == (State.SUBMITTED, [])
    assert enqueued == ["django_vton.tasks.dispatch"]


def test_a_callback_before_the_submits_answer_sets_the_vendor_id(row: TryOnRequest) -> None:
    assert call({"request_id": VENDOR_ID}).status_code == 200
    row.refresh_from_db()
    assert row.state == State.SUBMITTED
    assert Attempt.objects.get().vendor_id == VENDOR_ID


@pytest.mark.parametrize("token", ["x", "0" * 43, "..", "%00", "ä", TOKEN + "x", "a" * 5000])
def test_an_unknown_token_changes_nothing(submitted: TryOnRequest, token: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = Client().post(
            f"/try-on/webhooks/pixazo/{token}/", {"request_id": VENDOR_ID}, content_type="application/json"
        )
    assert response.status_code == 404
    assert response[PROOF_HEADER] == shop_proof(unquote(token))
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
def test_a_callback_without_a_usable_body_still_makes_the_try_on_due(
    submitted: TryOnRequest, body: bytes
) -> None:
    assert call(body).status_code == 200
    assert is_due(submitted)


def test_a_too_long_body_is_ignored(row: TryOnRequest) -> None:
    body = json.dumps({"request_id": VENDOR_ID, "filler": "x" * 65_536}).encode()
    assert call(body).status_code == 200
    row.refresh_from_db()
    assert row.state == State.SUBMITTING
    assert Attempt.objects.get().vendor_id is None


def test_a_callback_that_names_another_render_is_ignored(submitted: TryOnRequest) -> None:
    assert call({"request_id": "another"}).status_code == 200
    assert not is_due(submitted)
    assert Attempt.objects.get().vendor_id == VENDOR_ID


def test_many_callbacks_cause_at_most_one_poll_in_ten_seconds(submitted: TryOnRequest) -> None:
    call({"request_id": VENDOR_ID})
    submitted.refresh_from_db()
    first = submitted.due_at
    TryOnRequest.objects.filter(pk=submitted.pk).update(due_at=timezone.now() + timedelta(seconds=60))
    for _ in range(3):
        call({"request_id": VENDOR_ID})
    submitted.refresh_from_db()
    assert first is not None
    assert submitted.due_at == first + timedelta(seconds=10)


def test_a_callback_of_an_erased_try_on_only_sets_the_vendor_id(row: TryOnRequest) -> None:
    privacy.erase_tryon(row)
    assert call({"request_id": VENDOR_ID}).status_code == 200
    row.refresh_from_db()
    assert row.state == State.CANCELED
    assert Attempt.objects.get().vendor_id == VENDOR_ID


def test_a_callback_reads_no_session(submitted: TryOnRequest, guest: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = call({"request_id": VENDOR_ID}, client=guest)
    assert not any("session" in it["sql"] for it in queries)
    assert "Cookie" not in response.get("Vary", "")
    assert not response.cookies
    assert is_due(submitted)


def test_other_methods_are_refused(submitted: TryOnRequest) -> None:
    url = reverse("vton:callback", args=[TOKEN])
    for method in ("get", "head", "put", "delete", "options"):
        assert getattr(Client(), method)(url).status_code == 405
    assert not is_due(submitted)


def send_raw(
    server: LiveServer, head: str, *parts: bytes, token: str = TOKEN, hang_up: bool = False
) -> bytes:
    """Send raw bytes, and return the status line. `hang_up` closes our side afterwards."""
    host, port = server.thread.host, server.thread.port
    path = reverse("vton:callback", args=[token])
    with socket.create_connection((host, port), timeout=10) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}\r\n".encode())
        with suppress(OSError):  # The server may answer and close before everything is sent.
            for part in parts:
                line.sendall(part)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as answer:
            return answer.readline().strip()


SHORT_BODY = json.dumps({"request_id": VENDOR_ID}).encode()
LONG_BODY = json.dumps({"request_id": VENDOR_ID, "filler": "x" * 65_536}).encode()
CHUNKED = (
    b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (LONG_BODY[:50_000], LONG_BODY[50_000:]))
    + b"0\r\n\r\n"
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("head", "body", "is_used"),
    [
        (f"Content-Length: {len(SHORT_BODY)}\r\n", SHORT_BODY, True),
        (f"Content-Length: {len(LONG_BODY)}\r\n", LONG_BODY, False),
        ("Transfer-Encoding: chunked\r\n", CHUNKED, False),
        ("Content-Length: 12\r\n", LONG_BODY, False),
        (f"Content-Length: {10**12}\r\n", LONG_BODY, False),
        ("Content-Length: 5000\r\n", SHORT_BODY, True),
        ("Content-Length: -1\r\n", SHORT_BODY, False),
        ("Content-Length: many\r\n", SHORT_BODY, False),
        ("", SHORT_BODY, False),
    ],
    ids=["right", "long", "chunked", "too-short", "enormous", "cut-off", "negative", "word", "none"],
)
def test_at_most_64_kb_are_read_whatever_the_content_length_is(
    row: TryOnRequest, live_server: LiveServer, head: str, body: bytes, is_used: bool
) -> None:
    assert b" 200 " in send_raw(live_server, head, body, hang_up=True)
    row.refresh_from_db()
    assert Attempt.objects.get().vendor_id == (VENDOR_ID if is_used else None)
    assert row.state == (State.SUBMITTED if is_used else State.SUBMITTING)


@pytest.mark.django_db(transaction=True)
def test_an_unknown_token_is_answered_before_the_body_arrives(
    row: TryOnRequest, live_server: LiveServer
) -> None:
    assert b" 404 " in send_raw(live_server, f"Content-Length: {10**12}\r\n", token="guessed")
    row.refresh_from_db()
    assert row.state == State.SUBMITTING


@pytest.mark.django_db(transaction=True)
def test_the_answer_does_not_wait_for_more_than_64_kb(
    submitted: TryOnRequest, live_server: LiveServer
) -> None:
    assert b" 200 " in send_raw(live_server, f"Content-Length: {10**12}\r\n", LONG_BODY)
    assert is_due(submitted)


@pytest.mark.parametrize(
    "value",
    [
        "a\0b", "\ud800", "", " ", ".", "..", "x" * 2001, "x" * 60_000,
        -0.5, 1e300, True, None, [], {}, [VENDOR_ID], {"id": VENDOR_ID}, 10**3000,
    ],
    ids=lambda it: repr(it)[:12],
)  # fmt: skip
def test_an_invalid_vendor_id_is_ignored(row: TryOnRequest, value: Any) -> None:
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
def test_a_callback_with_a_broken_body_still_makes_the_try_on_due(
    submitted: TryOnRequest, body: bytes
) -> None:
    assert call(body).status_code == 200
    assert is_due(submitted)
    assert Attempt.objects.get().vendor_id == VENDOR_ID


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "", "application/json; charset=no-such", "application/json; charset=rot13",
        "application/json; charset=utf-7", "multipart/form-data", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "image/png", "x" * 5_000,
    ],
    ids=lambda it: it[:40],
)  # fmt: skip
def test_the_content_type_is_ignored(row: TryOnRequest, content_type: str) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.generic("POST", reverse("vton:callback", args=[TOKEN]), SHORT_BODY, content_type)
    assert response.status_code == 200
    row.refresh_from_db()
    assert Attempt.objects.get().vendor_id == VENDOR_ID


def test_only_the_hash_of_a_token_is_stored(row: TryOnRequest) -> None:
    attempt = Attempt.objects.get(request=row)
    assert attempt.token_hash == hashlib.sha256(TOKEN.encode()).hexdigest()
    assert attempt.token_hash is not None
    # The hash cannot be used as a token.
    assert call({"request_id": VENDOR_ID}, token=attempt.token_hash).status_code == 404
