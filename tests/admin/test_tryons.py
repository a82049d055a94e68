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
from django_vton.admin.display import EVENT_WORDS
from django_vton.intake import feedback
from django_vton.models import Shopper, TryOnRequest
from django_vton.models.states import Money, State

from . import rows
from .conftest import LIST, page, text

DETAIL = "admin:vton_tryonrequest_change"


def test_a_row_says_what_who_how_much_and_when(boss: Client) -> None:
    ann = Shopper.objects.create(user=User.objects.create_user("ann"))
    request = rows.complete(rows.tryon(ann), pictures=2)
    rows.put(request, State.COMPLETED, created_at=timezone.now() - timedelta(minutes=3, seconds=5))

    html = page(boss, LIST)

    for words in ("Linen shirt", "✓ completed", "fashn-v1.6", "0.075 USD", "User ann", "3 min ago", "+1"):
        assert words in text(html)
    assert f'src="{reverse("vton:image", args=[request.pictures[0].pk])}?size=thumbnail"' in html


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        (State.QUEUED, "", "… queued"),
        (State.UNKNOWN, "", "? outcome unknown"),
        (State.CANCELED, "", "- canceled"),
        (State.FAILED, "moderated", "✕ failed refused by the vendor's moderation"),
        (State.FAILED, "a_shops_own", "✕ failed a_shops_own"),
    ],
)
def test_states_are_told_by_sign_and_word(boss: Client, state: State, code: str, words: str) -> None:
    rows.put(rows.tryon(rows.guest()), state, code)

    assert words in text(page(boss, LIST))


def test_cost_is_held_spent_free_or_shared(boss: Client) -> None:
    held, spent, free = (rows.tryon(rows.guest(), title=name) for name in ("held", "spent", "free"))
    rows.attempt(spent, money=Money.SPENT, amount=1_500_000)
    rows.attempt(free, money=Money.FREE)
    rows.tryon(rows.guest(), title="shared", source=rows.complete(spent))

    html = page(boss, LIST)

    def cost(request: TryOnRequest) -> str:
        row = html.partition(str(request.pk))[2].partition("</tr>")[0]
        return text('<div id="content"' + row.partition("field-cost")[2].partition("</td>")[0])

    assert "0.075 USD held" in cost(held)
    assert "1.50 USD" in cost(spent)
    assert "held" not in cost(spent)
    assert "free" in cost(free)
    assert "shared" in cost(TryOnRequest.objects.get(product_title="shared"))


def test_sharing_is_said_on_both_sides_and_linked(boss: Client) -> None:
    source = rows.house_render(rows.house_model())
    follower = rows.put(rows.tryon(rows.guest(), source=source), State.COMPLETED, image_count=1)

    listed = text(page(boss, LIST))
    assert "shares a render" in listed
    assert "shared by 1" in listed
    assert "nobody: a shared render" in listed
    assert reverse(DETAIL, args=[source.pk]) in page(boss, DETAIL, follower.pk)
    assert reverse(DETAIL, args=[follower.pk]) in page(boss, DETAIL, source.pk)


def test_queries_do_not_grow_with_the_rows(viewer: Client) -> None:
    house = rows.house_model()

    def five_more() -> int:
        source = rows.house_render(house)
        for _ in range(2):
            rows.put(rows.tryon(rows.guest(), source=source), State.COMPLETED, image_count=1)
            shopper = Shopper.objects.create(user=User.objects.create_user(f"u{Shopper.objects.count()}"))
            rows.complete(rows.tryon(shopper, photo=rows.own_photo(shopper)))
        with CaptureQueriesContext(connection) as queries:
            page(viewer, LIST)
        return len(queries)

    first = five_more()
    for _ in range(4):
        last = five_more()

    assert TryOnRequest.objects.count() == 25
    assert last == first < 15


def test_titles_are_shown_as_they_are(boss: Client) -> None:
    rows.tryon(rows.guest(), title="<b>{0} %s</b>")

    assert "&lt;b&gt;{0} %s&lt;/b&gt;" in page(boss, LIST)


@pytest.mark.parametrize("by", ["id", "short id", "vendor id", "product", "title"])
def test_search(boss: Client, by: str) -> None:
    wanted = rows.tryon(rows.guest(), title="Wool coat", product="shop.product:7")
    rows.attempt(wanted, vendor_id="fashn-abc")
    rows.tryon(rows.guest(), title="Otto", product="shop.product:8")
    term = {
        "id": str(wanted.pk),
        "short id": str(wanted.pk)[:8],
        "vendor id": "fashn-abc",
        "product": "product:7",
        "title": "wool",
    }[by]

    found = text(page(boss, LIST, q=term))

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
def test_filters(boss: Client, query: dict[str, str], expected: set[str]) -> None:
    rows.put(rows.tryon(rows.guest(), title="unsure"), State.UNKNOWN)
    rows.put(rows.tryon(rows.guest(), title="lost"), State.FAILED, "outcome_unknown")
    rows.put(rows.tryon(rows.guest(), title="refused"), State.FAILED, "moderated")
    rows.tryon(rows.guest(), title="glasses", engine="glass-v1")

    found = boss.get(reverse(LIST), query).context["cl"].result_list

    assert {request.product_title for request in found} == expected


def test_the_detail_tells_money_words_and_history(boss: Client, admin_user: User) -> None:
    request = rows.tryon(rows.guest(), options={"category": "top"})
    rows.attempt(
        request,
        vendor_id="fashn-1",
        verdict="refused",
        http_status=429,
        error="<script>slow down</script>",
        raw={"status": "ERROR", "html": "<b>"},
    )
    lifecycle.cancel(request, actor_id=admin_user.pk)

    html = page(boss, DETAIL, request.pk)

    read = text(html)
    assert "category: top" in read
    assert "fashn-1" in read
    assert "refused, not charged" in read
    assert "429" in read
    assert "&lt;script&gt;slow down" in html
    assert "&quot;status&quot;: &quot;ERROR&quot;" in html
    assert "Canceled queued → canceled" in read
    assert "by admin" in read


def test_a_failed_attempt_without_answer_has_no_status(boss: Client) -> None:
    request = rows.put(rows.tryon(rows.guest()), State.FAILED, "outcome_unknown")
    rows.attempt(request, verdict="unknown", error="ReadTimeout")

    assert "unknown - ReadTimeout" in text(page(boss, DETAIL, request.pk))


@pytest.mark.parametrize(
    ("value", "reason", "words"),
    [
        ("", "", "Feedback: -"),
        ("like", "", "Feedback: liked"),
        ("dislike", "", "Feedback: disliked"),
        ("dislike", "not_like_me", "Feedback: disliked: Doesn't look like me"),
    ],
)
def test_the_detail_shows_the_reason_beside_the_feedback(
    boss: Client, value: str, reason: str, words: str
) -> None:
    request = rows.complete(rows.tryon(rows.guest()))
    feedback.give(request, value, reason)

    assert f"{words} When" in text(page(boss, DETAIL, request.pk))


def test_every_event_has_its_words() -> None:
    """Their names are literals in the calls that record them."""
    calls = {"swap": 3, "record": 1, "reopen": 2, "give_up": 2, "_send_again": 3}
    calls |= {"record_all": 1, "_record_rows": 1}
    names = {"refused", "not_sent", "erased"}  # Verdicts of a submit, and what `privacy` notes.
    package = Path(django_vton.__file__).parent
    for path in [*package.glob("lifecycle/*.py"), package / "claims.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = calls.get(called)
            if place is not None and isinstance(name := node.args[place], ast.Constant):
                names.add(str(name.value))

    assert names == set(EVENT_WORDS)


def test_nothing_is_added_changed_or_deleted_by_hand(boss: Client) -> None:
    request = rows.tryon(rows.guest())

    assert boss.get(reverse("admin:vton_tryonrequest_add")).status_code == 403
    assert boss.post(reverse(DETAIL, args=[request.pk]), {"state": "completed"}).status_code == 403
    assert boss.post(reverse("admin:vton_tryonrequest_delete", args=[request.pk])).status_code == 403
    request.refresh_from_db()
    assert request.state == State.QUEUED


def test_pages_have_no_inline_code(boss: Client) -> None:
    request = rows.complete(rows.tryon(rows.guest()))

    for html in (page(boss, LIST), page(boss, DETAIL, request.pk)):
        assert "vton/admin.css" in html
        assert not re.search(
            r"<style|<script(?![^>]*\b(src|type=\"application/json\"))|\s(style|on\w+)=", html
        )


@pytest.mark.django_db
def test_strangers_are_sent_to_the_login(client: Client) -> None:
    request = rows.tryon(rows.guest())
    for url in (reverse(LIST), reverse(DETAIL, args=[request.pk])):
        response = client.get(url)
        assert response.status_code == 302
        assert "login" in response.headers["Location"]
