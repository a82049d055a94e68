import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

import django_vton
from django_vton import lifecycle
from django_vton.admin.display import EVENT_LABELS
from django_vton.intake import feedback
from django_vton.models import Shopper, TryOnRequest
from django_vton.models.states import Money, State

from . import factories
from .conftest import LIST, get_page, visible_text

DETAIL = "admin:vton_tryonrequest_change"


def test_a_row_shows_product_requester_cost_and_age(superuser: Client) -> None:
    ann = Shopper.objects.create(user=User.objects.create_user("ann"))
    request = factories.complete_tryon(factories.create_tryon(ann), images=2)
    factories.set_state(request, State.COMPLETED, created_at=timezone.now() - timedelta(minutes=3, seconds=5))

    html = get_page(superuser, LIST)

    for expected in ("Linen shirt", "✓ completed", "fashn-v1.6", "0.075 USD", "User ann", "3 min ago", "+1"):
        assert expected in visible_text(html)
    assert f'src="{reverse("vton:image", args=[request.shown_images[0].pk])}?size=thumbnail"' in html


@pytest.mark.parametrize(
    ("state", "code", "expected"),
    [
        (State.QUEUED, "", "… queued"),
        (State.UNKNOWN, "", "? outcome unknown"),
        (State.CANCELED, "", "- canceled"),
        (State.FAILED, "moderated", "✕ failed refused by the vendor's moderation"),
        (State.FAILED, "a_shops_own", "✕ failed a_shops_own"),
    ],
)
def test_states_have_a_sign_and_a_label(superuser: Client, state: State, code: str, expected: str) -> None:
    factories.set_state(factories.create_tryon(factories.create_guest()), state, code)

    assert expected in visible_text(get_page(superuser, LIST))


def test_cost_is_held_spent_free_or_shared(superuser: Client) -> None:
    held, spent, free = (
        factories.create_tryon(factories.create_guest(), title=name) for name in ("held", "spent", "free")
    )
    factories.update_attempt(spent, money=Money.SPENT, amount=1_500_000)
    factories.update_attempt(free, money=Money.FREE)
    factories.create_tryon(factories.create_guest(), title="shared", source=factories.complete_tryon(spent))

    html = get_page(superuser, LIST)

    def cost(request: TryOnRequest) -> str:
        row = html.partition(str(request.pk))[2].partition("</tr>")[0]
        return visible_text('<div id="content"' + row.partition("field-cost")[2].partition("</td>")[0])

    assert "0.075 USD reserved" in cost(held)
    assert "1.50 USD" in cost(spent)
    assert "reserved" not in cost(spent)
    assert "free" in cost(free)
    assert "shared" in cost(TryOnRequest.objects.get(product_title="shared"))


def test_shared_renders_link_to_each_other(superuser: Client) -> None:
    source = factories.create_house_render(factories.create_house_model())
    follower = factories.set_state(
        factories.create_tryon(factories.create_guest(), source=source), State.COMPLETED, image_count=1
    )

    listed = visible_text(get_page(superuser, LIST))
    assert "shares a render" in listed
    assert "shared by 1" in listed
    assert "Shop (shared render)" in listed
    assert reverse(DETAIL, args=[source.pk]) in get_page(superuser, DETAIL, follower.pk)
    assert reverse(DETAIL, args=[follower.pk]) in get_page(superuser, DETAIL, source.pk)


def test_the_number_of_queries_does_not_grow_with_the_rows(viewer: Client) -> None:
    house = factories.create_house_model()

    def five_more() -> int:
        source = factories.create_house_render(house)
        for _ in range(2):
            factories.set_state(
                factories.create_tryon(factories.create_guest(), source=source),
                State.COMPLETED,
                image_count=1,
            )
            shopper = Shopper.objects.create(user=User.objects.create_user(f"u{Shopper.objects.count()}"))
            factories.complete_tryon(factories.create_tryon(shopper, photo=factories.create_photo(shopper)))
        with CaptureQueriesContext(connection) as queries:
            get_page(viewer, LIST)
        return len(queries)

    first = five_more()
    for _ in range(4):
        last = five_more()

    assert TryOnRequest.objects.count() == 25
    assert last == first < 15


def test_titles_are_escaped(superuser: Client) -> None:
    factories.create_tryon(factories.create_guest(), title="<b>{0} %s</b>")

    assert "&lt;b&gt;{0} %s&lt;/b&gt;" in get_page(superuser, LIST)


@pytest.mark.parametrize("by", ["id", "short id", "vendor id", "product", "title"])
def test_search_finds_ids_products_and_titles(superuser: Client, by: str) -> None:
    wanted = factories.create_tryon(factories.create_guest(), title="Wool coat", product="shop.product:7")
    factories.update_attempt(wanted, vendor_id="fashn-abc")
    factories.create_tryon(factories.create_guest(), title="Otto", product="shop.product:8")
    term = {
        "id": str(wanted.pk),
        "short id": str(wanted.pk)[:8],
        "vendor id": "fashn-abc",
        "product": "product:7",
        "title": "wool",
    }[by]

    found = visible_text(get_page(superuser, LIST, q=term))

    assert "Wool coat" in found
    assert "Otto" not in found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state__exact": "unknown"}, {"unsure"}),
        ({"engine": "glass-v1"}, {"glasses"}),
        ({"attention": "yes"}, {"unsure", "lost"}),
        ({"created_at__gte": "2100-01-01 00:00:00+00:00"}, set()),
    ],
)
def test_the_list_is_filtered_by_state_engine_and_attention(
    superuser: Client, query: dict[str, str], expected: set[str]
) -> None:
    factories.set_state(factories.create_tryon(factories.create_guest(), title="unsure"), State.UNKNOWN)
    factories.set_state(
        factories.create_tryon(factories.create_guest(), title="lost"), State.FAILED, "outcome_unknown"
    )
    factories.set_state(
        factories.create_tryon(factories.create_guest(), title="refused"), State.FAILED, "moderated"
    )
    factories.create_tryon(factories.create_guest(), title="glasses", engine="glass-v1")

    found = superuser.get(reverse(LIST), query).context["cl"].result_list

    assert {request.product_title for request in found} == expected


def test_the_detail_page_shows_attempts_and_history(superuser: Client, admin_user: User) -> None:
    request = factories.create_tryon(factories.create_guest(), options={"category": "top"})
    factories.update_attempt(
        request,
        vendor_id="fashn-1",
        outcome="refused",
        http_status=429,
        error="<script>slow down</script>",
        raw={"status": "ERROR", "html": "<b>"},
    )
    lifecycle.cancel(request, actor_id=admin_user.pk)

    html = get_page(superuser, DETAIL, request.pk)

    text = visible_text(html)
    assert "category: top" in text
    assert "fashn-1" in text
    assert "refused, not charged" in text
    assert "429" in text
    assert "&lt;script&gt;slow down" in html
    assert "&quot;status&quot;: &quot;ERROR&quot;" in html
    assert "Canceled queued → canceled" in text
    assert "by admin" in text


def test_an_attempt_without_response_has_no_http_status(superuser: Client) -> None:
    request = factories.set_state(
        factories.create_tryon(factories.create_guest()), State.FAILED, "outcome_unknown"
    )
    factories.update_attempt(request, outcome="unknown", error="ReadTimeout")

    assert "unknown - ReadTimeout" in visible_text(get_page(superuser, DETAIL, request.pk))


@pytest.mark.parametrize(
    ("value", "reason", "expected"),
    [
        ("", "", "Feedback: -"),
        ("like", "", "Feedback: liked"),
        ("dislike", "", "Feedback: disliked"),
        ("dislike", "not_like_me", "Feedback: disliked: Doesn't look like me"),
    ],
)
def test_the_detail_page_shows_feedback_and_reason(
    superuser: Client, value: str, reason: str, expected: str
) -> None:
    request = factories.complete_tryon(factories.create_tryon(factories.create_guest()))
    feedback.save(request, value, reason)

    assert f"{expected} Times" in visible_text(get_page(superuser, DETAIL, request.pk))


def test_every_event_has_a_label() -> None:
    """The event names are literals in the calls that record them."""
    positions = {
        "transition": 2,
        "record": 1,
        "reopen": 1,
        "give_up": 2,
        "fail": 1,
        "_send_again": 2,
        "_record_events": 1,
    }
    names = {"refused", "not_sent", "erased"}  # Outcomes of a submit, and the event of `privacy`.
    package = Path(django_vton.__file__).parent
    for path in [*package.glob("lifecycle/*.py"), *package.glob("worker/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            function = (
                node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            )
            position = positions.get(function)
            if position is not None and isinstance(name := node.args[position], ast.Constant):
                names.add(str(name.value))

    assert names == set(EVENT_LABELS)


def test_try_ons_cannot_be_added_changed_or_deleted(superuser: Client) -> None:
    request = factories.create_tryon(factories.create_guest())

    assert superuser.get(reverse("admin:vton_tryonrequest_add")).status_code == 403
    assert superuser.post(reverse(DETAIL, args=[request.pk]), {"state": "completed"}).status_code == 403
    assert superuser.post(reverse("admin:vton_tryonrequest_delete", args=[request.pk])).status_code == 403
    request.refresh_from_db()
    assert request.state == State.QUEUED


def test_pages_have_no_inline_code(superuser: Client) -> None:
    request = factories.complete_tryon(factories.create_tryon(factories.create_guest()))

    for html in (get_page(superuser, LIST), get_page(superuser, DETAIL, request.pk)):
        assert "vton/admin.css" in html
        assert not re.search(
            r"<style|<script(?![^>]*\b(src|type=\"application/json\"))|\s(style|on\w+)=", html
        )


@pytest.mark.django_db
def test_anonymous_users_are_redirected_to_the_login(client: Client) -> None:
    request = factories.create_tryon(factories.create_guest())
    for url in (reverse(LIST), reverse(DETAIL, args=[request.pk])):
        response = client.get(url)
        assert response.status_code == 302
        assert "login" in response.headers["Location"]
