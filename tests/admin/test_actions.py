from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton.admin.actions import AT_ONCE
from django_vton.models import TryOnImage, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.storage import private_storage

from . import rows
from .conftest import LIST, Staff, page, text, told


def chosen(action: str, *requests: TryOnRequest, **more: Any) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(request.pk) for request in requests], **more}


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate")


def test_each_action_asks_first(operator: Client) -> None:
    request = rows.tryon(rows.guest())

    for action, words in (
        ("cancel", "What was sent already is paid"),
        ("erase", "Nobody can bring them back"),
    ):
        answer = operator.post(reverse(LIST), chosen(action, request))
        assert answer.status_code == 200
        assert words in text(answer.content.decode())
        assert "1 try-on Linen shirt" in text(answer.content.decode())
    request.refresh_from_db()
    assert request.state == State.QUEUED
    assert request.erased_at is None


def test_cancel_ends_what_runs_and_says_what_did_not(operator: Client) -> None:
    queued, sent, done = (rows.tryon(rows.guest()) for _ in range(3))
    rows.put(sent, State.SUBMITTED)
    rows.complete(done)

    messages = told(operator, LIST, chosen("cancel", queued, sent, done, confirmed="yes"))

    assert messages == ["2 try-ons were canceled. 1 had ended already."]
    states = [TryOnRequest.objects.get(pk=request.pk).state for request in (queued, sent, done)]
    assert states == [State.CANCELED, State.CANCELED, State.COMPLETED]
    assert [request.attempts.get().money for request in (queued, sent)] == [Money.FREE, Money.SPENT]
    event = queued.events.get(name="canceled")
    assert event.actor is not None
    assert event.actor.username == "vera"
    assert LogEntry.objects.filter(object_id=queued.pk, user__username="vera").exists()


def test_erase_takes_pictures_owner_and_files_and_leaves_the_money(
    operator: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    request = rows.complete(rows.tryon(rows.guest()))
    names = [request.images.get().file.name, request.images.get().thumbnail.name]
    gone = rows.put(rows.tryon(rows.guest()), State.CANCELED, erased_at=request.created_at)

    with django_capture_on_commit_callbacks(execute=True):
        messages = told(operator, LIST, chosen("erase", request, gone, confirmed="yes"))

    assert messages == ["1 try-on was erased. 1 had been erased before."]
    request.refresh_from_db()
    assert request.erased_at is not None
    assert request.shopper is None
    assert not TryOnImage.objects.exists()
    assert not any(private_storage().exists(str(name)) for name in names)
    assert request.attempts.get().money == Money.SPENT
    assert "erased" in text(page(operator, LIST))


def test_erasing_what_runs_cancels_it_in_the_operators_name(operator: Client) -> None:
    request = rows.tryon(rows.guest())

    told(operator, LIST, chosen("erase", request, confirmed="yes"))

    event = request.events.get(name="canceled")
    assert event.actor is not None
    assert request.attempts.get().money == Money.FREE


def test_who_may_only_look_has_no_actions(viewer: Client) -> None:
    request = rows.tryon(rows.guest())

    detail = page(viewer, "admin:vton_tryonrequest_change", request.pk)
    assert 'name="action"' not in page(viewer, LIST) + detail
    for action in ("cancel", "erase"):
        viewer.post(reverse(LIST), chosen(action, request, confirmed="yes"))
    request.refresh_from_db()
    assert request.state == State.QUEUED
    assert request.erased_at is None


def test_the_detail_offers_what_is_possible(operator: Client) -> None:
    running = rows.tryon(rows.guest())
    ended = rows.complete(rows.tryon(rows.guest()))
    erased = rows.put(rows.tryon(rows.guest()), State.CANCELED, erased_at=ended.created_at)

    def offers(request: TryOnRequest) -> list[bool]:
        html = page(operator, "admin:vton_tryonrequest_change", request.pk)
        return [f'name="action" value="{action}"' in html for action in ("cancel", "erase")]

    assert offers(running) == [True, True]
    assert offers(ended) == [False, True]
    assert offers(erased) == [False, False]


def test_too_many_at_once_are_refused(operator: Client) -> None:
    TryOnRequest.objects.bulk_create(
        TryOnRequest(product="p", main_product="p", engine="fashn-v1.6", state=State.QUEUED)
        for _ in range(AT_ONCE + 1)
    )
    everything = chosen("erase", TryOnRequest.objects.all()[0], select_across="1", confirmed="yes")

    messages = told(operator, LIST, {**everything, "index": "0"})

    assert messages == ["Please choose at most 200 try-ons at once. Nothing was changed."]
    assert not TryOnRequest.objects.filter(erased_at__isnull=False).exists()
