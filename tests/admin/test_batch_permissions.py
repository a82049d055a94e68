"""Who may view, start, stop and review batches in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from django_vton import batches
from django_vton.models import Batch

from .batches import ADD, CHANGE, LIST, PRODUCTS, PROGRESS, REVIEW, action_url_name, get_batch_status
from .conftest import Staff, get_page, post_messages

if TYPE_CHECKING:
    from django.test import Client

    from ..batches.runner import BatchRunner

ACTIONS = ["pause", "resume", "cancel", "retry", "discard", "publish"]


def test_a_viewer_sees_every_page_and_changes_nothing(viewer: Client, runner: BatchRunner) -> None:
    running = runner.start(2)
    draft = batches.draft(runner.create_products(1), [runner.noa])
    for name, *args in ((LIST,), (CHANGE, running.pk), (CHANGE, draft.pk), (REVIEW, running.pk)):
        html = get_page(viewer, name, *args)
        assert "Pause</button>" not in html
        assert 'name="do"' not in html
    assert viewer.get(reverse(ADD)).status_code == 403
    assert viewer.post(reverse(ADD), {"product": ["shop.product:1"], "do": "add"}).status_code == 403
    assert viewer.get(reverse(PRODUCTS, args=[draft.pk])).status_code == 403
    assert viewer.post(reverse(CHANGE, args=[draft.pk]), {"do": "start"}).status_code == 403
    for name in ACTIONS:
        assert viewer.post(reverse(action_url_name(name), args=[running.pk])).status_code == 403, name
    assert viewer.post(reverse(REVIEW, args=[running.pk]), {"do": "accept:1"}).status_code == 403
    assert get_batch_status(draft) == Batch.Status.DRAFT
    assert get_batch_status(running) == Batch.Status.RUNNING


def test_an_operator_can_stop_a_batch_but_not_spend(staff: Staff, runner: BatchRunner) -> None:
    operator, batch = staff("operate"), runner.start(2)
    assert post_messages(operator, action_url_name("pause"), {}, batch.pk) == [
        "Paused. Renders that were already sent will still finish."
    ]
    for name in ("resume", "retry", "discard", "publish"):
        assert operator.post(reverse(action_url_name(name), args=[batch.pk])).status_code == 403, name
    assert operator.get(reverse(ADD)).status_code == 403
    assert post_messages(operator, action_url_name("cancel"), {}, batch.pk) == [
        "The remaining renders were canceled."
    ]
    assert get_batch_status(batch) == Batch.Status.CANCELED


def test_batch_pages_need_the_view_permission(staff: Staff, runner: BatchRunner) -> None:
    batch, client = runner.start(1), staff("spend", "operate")
    user = User.objects.get(username="vera")
    user.user_permissions.set(user.user_permissions.exclude(codename="view_batch"))
    for name, *args in ((LIST,), (ADD,), (CHANGE, batch.pk), (PROGRESS, batch.pk), (REVIEW, batch.pk)):
        assert client.get(reverse(name, args=args)).status_code == 403, name
    assert client.post(reverse(action_url_name("pause"), args=[batch.pk])).status_code == 403


@pytest.mark.parametrize("name", [*ACTIONS, "progress", "review", "products", "change"])
def test_a_get_request_changes_nothing(superuser: Client, runner: BatchRunner, name: str) -> None:
    batch = runner.start(1)
    draft = batches.draft(runner.create_products(1), [runner.noa])
    for each in (batch, draft):
        assert superuser.get(reverse(action_url_name(name), args=[each.pk])).status_code in (200, 302, 405)
    assert (get_batch_status(batch), get_batch_status(draft)) == ("running", "draft")
    assert Batch.objects.count() == 2


def test_an_unknown_batch_is_not_found(superuser: Client) -> None:
    for name in ("change", "products", "review", "progress", "retry"):
        assert superuser.get(reverse(action_url_name(name), args=[99])).status_code == 404
