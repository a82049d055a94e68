"""With REVIEW_BY_TWO, a render is published once two members of staff have accepted it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from django_vton import batches
from django_vton.models import Batch, BatchRender
from shop.models import ProductPhoto

from ..intake_helpers import run_concurrently
from .batches import CHANGE, REVIEW, action_url_name
from .conftest import Staff, get_page, post_messages, visible_text
from .test_batch_review import create_finished_batch, first, post_decision

if TYPE_CHECKING:
    from tests.conftest import Vton
    from tests.intake_helpers import StoredFiles

PUBLISH = action_url_name("publish")
ALREADY = "Nothing was changed: you have accepted it already. Another staff member has to accept it too."
MISSING = "A second staff member has to accept it before it is published."


@pytest.fixture
def vera(staff: Staff) -> Client:
    return staff("change_batch")


@pytest.fixture
def bob(db: None) -> Client:  # noqa: ARG001 - the fixture opens the database
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_batch", "change_batch"]))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def batch(db: None, files: StoredFiles, vton: Vton) -> Batch:  # noqa: ARG001 - the fixtures open the database, and store files
    vton(REVIEW_BY_TWO=True)
    return create_finished_batch(2)


def test_a_render_is_published_once_two_people_have_accepted_it(
    vera: Client, bob: Client, batch: Batch
) -> None:
    do = f"accept:{first(batch).pk}"
    assert post_decision(vera, batch, do) == []
    assert post_messages(vera, PUBLISH, {}, batch.pk) == ["No accepted render is left to publish."]
    assert post_decision(vera, batch, f"publish:{first(batch).pk}") == [MISSING]
    assert post_decision(vera, batch, do) == [ALREADY]
    assert batches.publish_accepted(batch).published == 0
    assert not ProductPhoto.objects.exists()

    html = get_page(vera, REVIEW, batch.pk, show="unconfirmed")
    assert f"Accepted by vera. {MISSING}" in visible_text(html)
    assert "1 accepted render has to be accepted by a second staff member" in visible_text(html)
    assert 'value="accept:' not in html, "the same person cannot accept twice"
    assert 'value="publish:' not in html
    assert "1 accepted, but need a second reviewer" in visible_text(get_page(vera, CHANGE, batch.pk))

    assert do in get_page(bob, REVIEW, batch.pk, show="unconfirmed")
    assert post_decision(bob, batch, do) == []
    assert "Accepted by vera and by bob." in visible_text(get_page(bob, REVIEW, batch.pk, show="accepted"))
    assert post_decision(bob, batch, do) == ["Nothing was changed: it is already “accepted”."]
    assert post_messages(vera, PUBLISH, {}, batch.pk) == ["1 render was published."]
    assert ProductPhoto.objects.count() == 1


def test_a_rejection_or_undo_needs_two_new_acceptances(vera: Client, bob: Client, batch: Batch) -> None:
    for do in ("reject-pose", "undo"):
        for client in (vera, bob):
            assert post_decision(client, batch, f"accept:{first(batch).pk}") == []
        post_decision(bob, batch, f"{do}:{first(batch).pk}")
        post_decision(vera, batch, f"accept:{first(batch).pk}")
        assert post_decision(vera, batch, f"publish:{first(batch).pk}") == [MISSING]
        post_decision(vera, batch, f"undo:{first(batch).pk}")


def test_all_on_a_page_are_accepted_by_the_second_person_too(vera: Client, bob: Client, batch: Batch) -> None:
    def accept_all(client: Client, show: str) -> list[str]:
        shown = re.findall(r'name="shown" value="(\d+)"', get_page(client, REVIEW, batch.pk, show=show))
        return post_messages(client, REVIEW, {"do": "accept_shown", "shown": shown}, batch.pk)

    assert accept_all(vera, "unreviewed") == ["2 renders were accepted."]
    assert accept_all(vera, "unconfirmed") == ["Nothing was changed: the page showed no undecided render."]
    shown = [str(render.pk) for render in batch.renders.all()]
    assert post_messages(vera, REVIEW, {"do": "accept_shown", "shown": shown}, batch.pk) == [
        "2 renders were not accepted, since they were decided or removed in the meantime."
    ]
    assert batches.publish_accepted(batch).published == 0
    assert accept_all(bob, "unconfirmed") == ["2 renders were accepted."]
    assert batches.publish_accepted(batch).published == 2


def test_a_deleted_account_counts_if_it_was_the_second_but_not_if_it_was_the_first(
    vera: Client, bob: Client, batch: Batch
) -> None:
    one, two = batch.renders.order_by("position")
    for client in (vera, bob):
        post_decision(client, batch, f"accept:{one.pk}")
    post_decision(vera, batch, f"accept:{two.pk}")
    User.objects.get(username="vera").delete()
    post_decision(bob, batch, f"accept:{two.pk}")
    User.objects.create_user("vera")
    text = visible_text(get_page(bob, REVIEW, batch.pk, show="accepted"))
    assert "Accepted by an unknown user and by bob." in text
    assert f"Accepted by bob. {MISSING}" in text
    assert batches.publish_accepted(batch).published == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_who_accept_at_once_are_both_counted(vera: Client, bob: Client, batch: Batch) -> None:
    do = f"accept:{first(batch).pk}"
    assert run_concurrently(
        lambda: post_decision(vera, batch, do), lambda: post_decision(bob, batch, do)
    ) == [[], []]
    assert batches.publish(first(batch)) == ""


def test_code_without_a_user_accepts_once_at_most(batch: Batch) -> None:
    pks = [first(batch).pk]
    assert batches.accept(batch, pks) == 1
    assert batches.accept(batch, pks) == 0
    assert batches.publish(first(batch)) == MISSING


def test_without_the_setting_one_person_is_enough(
    vera: Client, bob: Client, batch: Batch, vton: Vton
) -> None:
    vton(REVIEW_BY_TWO=False)
    do = f"accept:{first(batch).pk}"
    assert post_decision(vera, batch, do) == []
    assert post_decision(bob, batch, do) == ["Nothing was changed: it is already “accepted”."]
    text = visible_text(get_page(vera, REVIEW, batch.pk, show="accepted"))
    assert "second" not in text
    assert "Accepted by" not in text
    assert post_messages(vera, PUBLISH, {}, batch.pk) == ["1 render was published."]
    assert BatchRender.objects.filter(confirmed_at=None).count() == 2
