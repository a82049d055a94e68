import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton.admin.actions import MAX_SELECTED
from django_vton.models import TryOnImage, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.storage import private_storage

from . import factories
from .conftest import LIST, Staff, action_data, get_page, post_messages, visible_text


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate")


def test_cancel_and_erase_need_a_confirmation(operator: Client) -> None:
    request = factories.create_tryon(factories.create_guest())

    for action, expected in (
        ("cancel", "already sent are paid"),
        ("erase", "This cannot be undone"),
    ):
        response = operator.post(reverse(LIST), action_data(action, request))
        assert response.status_code == 200
        assert expected in visible_text(response.content.decode())
        assert "1 try-on Linen shirt" in visible_text(response.content.decode())
    request.refresh_from_db()
    assert request.state == State.QUEUED
    assert request.erased_at is None


def test_cancel_ends_active_try_ons_and_reports_the_others(operator: Client) -> None:
    queued, sent, done = (factories.create_tryon(factories.create_guest()) for _ in range(3))
    factories.set_state(sent, State.SUBMITTED)
    factories.complete_tryon(done)

    messages = post_messages(operator, LIST, action_data("cancel", queued, sent, done, confirmed="yes"))

    assert messages == ["2 try-ons were canceled. 1 had already ended."]
    states = [TryOnRequest.objects.get(pk=request.pk).state for request in (queued, sent, done)]
    assert states == [State.CANCELED, State.CANCELED, State.COMPLETED]
    assert [request.attempts.get().money for request in (queued, sent)] == [Money.FREE, Money.SPENT]
    event = queued.events.get(name="canceled")
    assert event.actor is not None
    assert event.actor.username == "vera"
    assert LogEntry.objects.filter(object_id=queued.pk, user__username="vera").exists()


def test_erase_deletes_the_images_and_the_link_to_the_shopper_but_keeps_the_amounts(
    operator: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    request = factories.complete_tryon(factories.create_tryon(factories.create_guest()))
    names = [request.images.get().file.name, request.images.get().thumbnail.name]
    gone = factories.set_state(
        factories.create_tryon(factories.create_guest()), State.CANCELED, erased_at=request.created_at
    )

    with django_capture_on_commit_callbacks(execute=True):
        messages = post_messages(operator, LIST, action_data("erase", request, gone, confirmed="yes"))

    assert messages == ["1 try-on was erased. 1 had already been erased."]
    request.refresh_from_db()
    assert request.erased_at is not None
    assert request.shopper is None
    assert not TryOnImage.objects.exists()
    assert not any(private_storage().exists(str(name)) for name in names)
    assert request.attempts.get().money == Money.SPENT
    assert "erased" in visible_text(get_page(operator, LIST))


def test_erasing_an_active_try_on_cancels_it_and_records_the_operator(operator: Client) -> None:
    request = factories.create_tryon(factories.create_guest())

    post_messages(operator, LIST, action_data("erase", request, confirmed="yes"))

    event = request.events.get(name="canceled")
    assert event.actor is not None
    assert request.attempts.get().money == Money.FREE


def test_a_viewer_has_no_actions(viewer: Client) -> None:
    request = factories.create_tryon(factories.create_guest())

    detail = get_page(viewer, "admin:vton_tryonrequest_change", request.pk)
    assert 'name="action"' not in get_page(viewer, LIST) + detail
    for action in ("cancel", "erase"):
        viewer.post(reverse(LIST), action_data(action, request, confirmed="yes"))
    request.refresh_from_db()
    assert request.state == State.QUEUED
    assert request.erased_at is None


def test_the_detail_page_offers_only_possible_actions(operator: Client) -> None:
    running = factories.create_tryon(factories.create_guest())
    ended = factories.complete_tryon(factories.create_tryon(factories.create_guest()))
    erased = factories.set_state(
        factories.create_tryon(factories.create_guest()), State.CANCELED, erased_at=ended.created_at
    )

    def offers(request: TryOnRequest) -> list[bool]:
        html = get_page(operator, "admin:vton_tryonrequest_change", request.pk)
        return [f'name="action" value="{action}"' in html for action in ("cancel", "erase")]

    assert offers(running) == [True, True]
    assert offers(ended) == [False, True]
    assert offers(erased) == [False, False]


def test_too_many_selected_try_ons_are_refused(operator: Client) -> None:
    TryOnRequest.objects.bulk_create(
        TryOnRequest(product="p", main_product="p", engine="fashn-v1.6", state=State.QUEUED)
        for _ in range(MAX_SELECTED + 1)
    )
    everything = action_data("erase", TryOnRequest.objects.all()[0], select_across="1", confirmed="yes")

    messages = post_messages(operator, LIST, {**everything, "index": "0"})

    assert messages == ["Select at most 200 try-ons at a time. Nothing was changed."]
    assert not TryOnRequest.objects.filter(erased_at__isnull=False).exists()
