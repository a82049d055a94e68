"""Batches in the admin: who may do what, the choice of products, the price, the start, and the watch."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_vton import batches
from django_vton.models import Batch, BatchRender, PersonPhoto, TryOnRequest
from django_vton.models.states import State
from shop.models import Product
from shop.tryon import ProductTryOn

from ..doors import make_product, ref
from . import rows
from .conftest import Staff, page, text, told

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.test import Client

    from ..batches.shelf import Shelf
    from ..conftest import Vton

LIST, ADD, PAGE = "admin:vton_batch_changelist", "admin:vton_batch_add", "admin:vton_batch_change"
PRODUCTS, REVIEW = "admin:vton_batch_products", "admin:vton_batch_review"
PROGRESS = "admin:vton_batch_progress"
LONG_AGO = timedelta(hours=2)
ACTS = ["pause", "resume", "cancel", "retry", "discard", "publish"]


@pytest.fixture
def merchant(staff: Staff) -> Client:
    return staff("spend", "change_batch")


def act(name: str) -> str:
    return f"admin:vton_batch_{name}"


def begin(client: Client, batch: Batch, **changes: Any) -> list[str]:
    """What a merchant does: looks at the price, and starts what was seen."""
    html = page(client, PAGE, batch.pk)
    (seen,) = re.findall(r'name="at_most" value="(\d+)"', html)
    chosen = [str(pk) for pk in batch.house_models.values_list("pk", flat=True)]
    data = {"name": batch.name, "house_models": chosen, "at_most": seen, "do": "start", **changes}
    return told(client, PAGE, data, batch.pk)


def status_of(batch: Batch) -> str:
    return Batch.objects.get(pk=batch.pk).status


# Who ------------------------------------------------------------------------------------------------


def test_a_viewer_looks_at_everything_and_spends_nothing(viewer: Client, shelf: Shelf) -> None:
    running = shelf.start(2)
    draft = batches.draft(shelf.products(1), [shelf.noa])
    for name, *args in ((LIST,), (PAGE, running.pk), (PAGE, draft.pk), (REVIEW, running.pk)):
        html = page(viewer, name, *args)
        assert "Pause</button>" not in html
        assert 'name="do"' not in html
    assert viewer.get(reverse(ADD)).status_code == 403
    assert viewer.post(reverse(ADD), {"product": ["shop.product:1"], "do": "add"}).status_code == 403
    assert viewer.get(reverse(PRODUCTS, args=[draft.pk])).status_code == 403
    assert viewer.post(reverse(PAGE, args=[draft.pk]), {"do": "start"}).status_code == 403
    for name in ACTS:
        assert viewer.post(reverse(act(name), args=[running.pk])).status_code == 403, name
    assert viewer.post(reverse(REVIEW, args=[running.pk]), {"do": "accept:1"}).status_code == 403
    assert status_of(draft) == Batch.Status.DRAFT
    assert status_of(running) == Batch.Status.RUNNING


def test_an_operator_stops_and_does_not_spend(staff: Staff, shelf: Shelf) -> None:
    operator, batch = staff("operate"), shelf.start(2)
    assert told(operator, act("pause"), {}, batch.pk) == ["Paused. What was sent already still ends."]
    for name in ("resume", "retry", "discard", "publish"):
        assert operator.post(reverse(act(name), args=[batch.pk])).status_code == 403, name
    assert operator.get(reverse(ADD)).status_code == 403
    assert told(operator, act("cancel"), {}, batch.pk) == ["The rest was canceled."]
    assert status_of(batch) == Batch.Status.CANCELED


def test_without_the_permission_to_view_nothing_is_seen(staff: Staff, shelf: Shelf) -> None:
    batch, client = shelf.start(1), staff("spend", "operate")
    user = User.objects.get(username="vera")
    user.user_permissions.set(user.user_permissions.exclude(codename="view_batch"))
    for name, *args in ((LIST,), (ADD,), (PAGE, batch.pk), (PROGRESS, batch.pk), (REVIEW, batch.pk)):
        assert client.get(reverse(name, args=args)).status_code == 403, name
    assert client.post(reverse(act("pause"), args=[batch.pk])).status_code == 403


@pytest.mark.parametrize("name", [*ACTS, "progress", "review", "products", "change"])
def test_a_get_changes_nothing(boss: Client, shelf: Shelf, name: str) -> None:
    batch = shelf.start(1)
    draft = batches.draft(shelf.products(1), [shelf.noa])
    for each in (batch, draft):
        assert boss.get(reverse(act(name), args=[each.pk])).status_code in (200, 302, 405)
    assert (status_of(batch), status_of(draft)) == ("running", "draft")
    assert Batch.objects.count() == 2


def test_an_unknown_batch_is_not_found(boss: Client) -> None:
    for name in ("change", "products", "review", "progress", "retry"):
        assert boss.get(reverse(act(name), args=[99])).status_code == 404


# Choose ---------------------------------------------------------------------------------------------


def shown(html: str) -> list[str]:
    return re.findall(r'name="product" value="([^"]+)"', html)


def test_choosing_makes_a_draft_and_changes_it(merchant: Client) -> None:
    shirt, glasses = make_product("shirt", "top"), make_product("glasses", "eyewear")
    assert shown(page(merchant, ADD)) == [ref(shirt), ref(glasses)]
    assert not Batch.objects.exists()

    assert told(merchant, ADD, {"product": [ref(shirt)], "do": "add"}) == ["1 product was added."]
    batch = Batch.objects.get()
    assert batch.products == [ref(shirt)]
    assert str(batch.created_by) == "vera"
    assert "1 product chosen" in text(page(merchant, PRODUCTS, batch.pk))

    told(merchant, PRODUCTS, {"do": "add_all"}, batch.pk)
    batch.refresh_from_db()
    assert batch.products == [ref(shirt), ref(glasses)]
    told(merchant, PRODUCTS, {"do": "remove", "product": [ref(shirt)]}, batch.pk)
    batch.refresh_from_db()
    assert batch.products == [ref(glasses)]
    for nothing in ([], ["shop.product:999"], ["shop.product:x\0"], ["x"], ["auth.user:1"]):
        words = told(merchant, PRODUCTS, {"do": "add", "product": nothing}, batch.pk)
        assert words == ["No product was ticked."]
    batch.refresh_from_db()
    assert batch.products == [ref(glasses)]


def test_search_kind_model_and_missing_narrow_the_choice(merchant: Client) -> None:
    shirt, glasses = make_product("linen-shirt", "top"), make_product("round-glasses", "eyewear")
    dress = make_product("linen-dress", "dress")
    house = rows.house_model()
    rows.tryon(None, photo=house, shared_key="a", product=ref(dress))

    def found(**query: str) -> list[str]:
        return shown(page(merchant, ADD, **query))

    assert found(q="LINEN dress") == [ref(dress)]
    assert found(q="nothing") == []
    assert found(q="\0") == [ref(shirt), ref(glasses), ref(dress)]
    assert found(kind="eyewear") == [ref(glasses)]
    assert found(missing="1") == [ref(shirt), ref(glasses)]
    assert found(missing="1", kind="garment") == [ref(shirt)]
    assert found(model="shop.product") == [ref(shirt), ref(glasses), ref(dress)]
    assert found(model="shop.other") == []
    assert "1 render is there" in text(page(merchant, ADD, q="dress"))


def test_all_that_match_are_added_beyond_the_page(merchant: Client) -> None:
    Product.objects.bulk_create(
        Product(name=f"Scarf {n}", slug=f"scarf-{n}", kind="top", price=9, photo="none.jpg")
        for n in range(2500)
    )
    make_product("glasses", "eyewear")
    assert len(shown(page(merchant, ADD))) == 48

    words = told(merchant, f"{ADD}", {"do": "add_all"})
    assert words == ["2501 products were added."]
    response = merchant.post(
        f"{reverse(PRODUCTS, args=[Batch.objects.get().pk])}?kind=eyewear", {"do": "remove_all"}
    )
    assert response.status_code == 302
    assert len(Batch.objects.get().products) == 2500


def test_each_product_says_whether_it_can_be_tried_on(merchant: Client) -> None:
    make_product("good", "top")
    make_product("bag", "accessory")
    make_product("hidden", "top", is_public=False)
    html = page(merchant, ADD)
    read = text(html)
    assert "Good 0.075 USD a render" in read
    assert "This product has no picture." in read
    assert "The shop has try-on switched off for this product." in read
    assert html.count('loading="lazy"') == 2


def test_a_page_takes_as_many_queries_for_many_products_as_for_few(merchant: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(merchant, ADD, missing="1", kind="garment")
        return len(captured)

    make_product("first", "top")
    few = queries()
    for n in range(12):
        make_product(f"shirt-{n}", "top")
    assert queries() == few


def test_a_batch_that_runs_takes_no_more_products(merchant: Client, shelf: Shelf) -> None:
    batch = shelf.start(1)
    told(merchant, PRODUCTS, {"do": "add_all"}, batch.pk)
    batch.refresh_from_db()
    assert len(batch.products) == 1


def test_a_batch_that_begins_meanwhile_takes_no_more_products(
    merchant: Client, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = batches.draft(shelf.products(1), [shelf.noa])
    whole = ProductTryOn.get_queryset

    def slow(self: ProductTryOn) -> QuerySet[Product]:
        batches.confirm(draft)
        return whole(self)

    monkeypatch.setattr(ProductTryOn, "get_queryset", slow)
    assert told(merchant, PRODUCTS, {"do": "add_all"}, draft.pk) == ["0 products were added."]
    draft.refresh_from_db()
    assert len(draft.products) == draft.product_count == 1


# Set up ---------------------------------------------------------------------------------------------


def test_the_price_is_that_of_what_is_not_there(merchant: Client, shelf: Shelf, mia: PersonPhoto) -> None:
    first, second = shelf.products(2)
    done = shelf.start([first])
    shelf.feed()
    assert TryOnRequest.objects.filter(batch=done).count() == 1
    draft = batches.draft([first, second, "shop.product:999"])

    read = text(page(merchant, PAGE, draft.pk))
    assert "Noa" in read
    assert "Mia" in read
    assert "Choose at least one house model" in read

    chosen = [str(shelf.noa.pk), str(mia.pk)]
    read = " ".join(told(merchant, PAGE, {"house_models": chosen, "name": "Glasses", "do": "save"}, draft.pk))
    assert read == ""
    html = page(merchant, PAGE, draft.pk)
    read = text(html)
    assert "renders 4 there already, not paid again 1 price 0.90 USD at most" in read
    assert "1.20 USD" in read
    assert "1 product cannot be tried on now, and costs nothing" in read
    assert "The shop does not have it any more." in read
    assert "Start 4 renders for at most 1.20 USD" in read
    assert status_of(draft) == Batch.Status.DRAFT


def test_only_house_models_that_suit_are_offered(merchant: Client, shelf: Shelf, mia: PersonPhoto) -> None:
    PersonPhoto.objects.filter(pk=mia.pk).update(suits=["garment"])
    draft = batches.draft(shelf.products(1))
    assert "Mia" not in text(page(merchant, PAGE, draft.pk))


def test_options_are_a_form_and_change_the_price(merchant: Client, shelf: Shelf) -> None:
    draft = batches.draft(shelf.products(1), [shelf.noa])
    noa_ = {"house_models": [str(shelf.noa.pk)], "do": "save"}
    told(merchant, PAGE, {**noa_, "glass-v1.num_images": "3", "glass-v1.output_format": "png"}, draft.pk)
    draft.refresh_from_db()
    assert draft.options == {"glass-v1": {"num_images": 3, "output_format": "png"}}
    html = page(merchant, PAGE, draft.pk)
    assert "at most 0.90 USD" in text(html)
    assert 'name="fashn-v1.6' not in html, "no garment is among the products"

    response = merchant.post(reverse(PAGE, args=[draft.pk]), {**noa_, "glass-v1.num_images": "9"})
    assert "Must be a whole number from 1 to 4." in text(response.content.decode())
    draft.refresh_from_db()
    assert draft.options["glass-v1"]["num_images"] == 3


def test_starting_twice_starts_once(merchant: Client, shelf: Shelf) -> None:
    draft = batches.draft(shelf.products(2), [shelf.noa], name="Spring")
    assert begin(merchant, draft) == ["Started, for at most 0.60 USD."]
    began = Batch.objects.get()
    assert began.status == Batch.Status.RUNNING
    again = {"house_models": [str(shelf.noa.pk)], "at_most": "600000", "do": "start", "name": "X"}
    assert told(merchant, PAGE, again, draft.pk) == []
    assert Batch.objects.get().confirmed_at == began.confirmed_at
    assert Batch.objects.get().name == "Spring"
    shelf.feed()
    assert TryOnRequest.objects.count() == 2


def test_a_choice_that_was_not_priced_is_shown_before_it_starts(
    merchant: Client, shelf: Shelf, mia: PersonPhoto
) -> None:
    draft = batches.draft(shelf.products(1), [shelf.noa])
    both = [str(shelf.noa.pk), str(mia.pk)]
    words = "The choice or the price has changed. Please look again, then start."
    assert begin(merchant, draft, house_models=both) == [words]
    assert status_of(draft) == "draft"
    assert begin(merchant, draft) == ["Started, for at most 0.60 USD."]


def test_a_price_that_rose_meanwhile_is_shown_before_it_starts(
    merchant: Client, shelf: Shelf, vton: Vton
) -> None:
    draft = batches.draft(shelf.products(1), [shelf.noa])
    page(merchant, PAGE, draft.pk)
    vton(PRICES={"glass-v1": Decimal("0.50")})
    assert len(begin(merchant, draft, at_most="300000")) == 1
    assert status_of(draft) == "draft"
    for seen in ("", "-1", "\0", "x", "9" * 5000):
        begin(merchant, draft, at_most=seen)
        assert status_of(draft) == "draft", seen
    assert begin(merchant, draft) == ["Started, for at most 0.50 USD."]


def test_a_budget_that_is_too_small_is_said_before_and_while_it_waits(
    merchant: Client, shelf: Shelf, vton: Vton
) -> None:
    vton(DAILY_BUDGET=Decimal("0.45"))
    draft = batches.draft(shelf.products(2), [shelf.noa])
    read = text(page(merchant, PAGE, draft.pk))
    assert "left in the budget: Today 0.45 USD" in read
    assert "left in the budget: This month no cap" in read
    assert "The budget has 0.45 USD left. What does not fit waits" in read
    begin(merchant, draft)
    shelf.run(draft)
    read = text(page(merchant, PAGE, draft.pk))
    assert "Waiting · 1 of 2" in read
    assert "has no room for the next render. It goes on by itself at" in read


def test_a_draft_is_discarded_and_what_runs_is_not(merchant: Client, shelf: Shelf) -> None:
    draft, running = batches.draft(["shop.product:1"]), shelf.start(1)
    assert told(merchant, act("discard"), {}, draft.pk) == ["The draft was discarded."]
    told(merchant, act("discard"), {}, running.pk)
    assert list(Batch.objects.all()) == [running]


# Watch ----------------------------------------------------------------------------------------------


def test_the_numbers_come_with_the_page_and_for_its_script(merchant: Client, shelf: Shelf) -> None:
    batch = shelf.start(2)
    html = page(merchant, PAGE, batch.pk)
    assert f'data-vton-progress="{reverse(PROGRESS, args=[batch.pk])}"' in html
    assert "Load the page again" in html
    assert re.search(r'<progress max="2" value="0"', html)
    answer = merchant.get(reverse(PROGRESS, args=[batch.pk]))
    assert "no-store" in answer["Cache-Control"]
    assert answer.json()["is_live"] is True
    shelf.run(batch)
    answer = merchant.get(reverse(PROGRESS, args=[batch.pk])).json()
    assert answer["is_live"] is False
    assert "Finished" in answer["parts"]["state"]
    assert "0.60 USD" in answer["parts"]["numbers"]
    assert answer["parts"]["numbers"].count("size=thumbnail") == 2
    assert reverse(REVIEW, args=[batch.pk]) in answer["parts"]["controls"]
    assert "data-vton-progress" not in page(merchant, PAGE, batch.pk)


def test_pause_resume_and_cancel(merchant: Client, shelf: Shelf) -> None:
    batch = shelf.start(2)
    shelf.feed()
    batch = shelf.start(20)
    told(merchant, act("pause"), {}, batch.pk)
    assert status_of(batch) == "paused"
    assert "Go on</button>" in page(merchant, PAGE, batch.pk)
    assert told(merchant, act("resume"), {}, batch.pk) == ["It goes on."]
    assert status_of(batch) == "running"
    assert "Yes, cancel the rest" in page(merchant, act("cancel"), batch.pk)
    assert status_of(batch) == "running"
    told(merchant, act("cancel"), {}, batch.pk)
    assert told(merchant, act("cancel"), {}, batch.pk) == []
    assert "20 dropped" in text(page(merchant, PAGE, batch.pk))


def test_the_failed_are_tried_again_for_a_price_that_was_seen(merchant: Client, shelf: Shelf) -> None:
    shelf.desk.gateway.scenario(outcome="FAILED", times=2)
    shelf.desk.gateway.scenario(submit="close", times=1)
    batch = shelf.start(3)
    shelf.run(batch)
    lost = TryOnRequest.objects.get(state=State.UNKNOWN)
    shelf.desk.posted(lost, LONG_AGO)
    shelf.desk.due(lost)
    shelf.desk.look()
    assert "Try the failed again" in page(merchant, PAGE, batch.pk)

    html = page(merchant, act("retry"), batch.pk)
    read = text(html)
    assert "2 renders are tried again, for at most 0.60 USD." in read
    assert "Also the 1 render in doubt, for 0.30 USD more: it may have been charged already" in read
    assert "checked" not in html

    for wrong in ("", "599999", "x"):
        told(merchant, act("retry"), {"at_most": wrong}, batch.pk)
        assert batch.renders.filter(status="waiting").count() == 0
    seen = dict(re.findall(r'name="(at_most\w*)" value="(\d+)"', html))
    assert told(merchant, act("retry"), seen, batch.pk) == ["2 renders are tried again."]
    assert batch.renders.filter(status="waiting").count() == 2
    assert told(merchant, act("retry"), seen, batch.pk) == ["0 renders are tried again."]

    seen = dict(re.findall(r'name="(at_most\w*)" value="(\d+)"', page(merchant, act("retry"), batch.pk)))
    told(merchant, act("retry"), {**seen, "in_doubt": "on"}, batch.pk)
    assert batch.renders.filter(status="waiting").count() == 3


def test_the_list_shows_all_in_as_many_queries(merchant: Client, shelf: Shelf) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(merchant, LIST)
        return len(captured)

    done = shelf.start(2, name="Done")
    shelf.run(done)
    few = queries()
    for _ in range(4):
        shelf.start(1)
    batches.draft(["shop.product:1"], name="Later")
    assert queries() == few
    read = text(page(merchant, LIST))
    assert "Done finished 2 of 2 0.60 USD" in read
    assert "Later draft - 0.00 USD" in read
    assert "running 0 of 1" in read
    assert "Render on models…" in read


def test_watching_takes_as_many_queries_for_many(merchant: Client, shelf: Shelf) -> None:
    counts = []
    for number in (2, 5):
        batch = shelf.start(number)
        shelf.run(batch)
        with CaptureQueriesContext(connection) as captured:
            page(merchant, PAGE, batch.pk)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_strict_policy_holds_on_all_pages(merchant: Client, shelf: Shelf) -> None:
    batch = shelf.start(1)
    draft = batches.draft(shelf.products(1), [shelf.noa])
    pages = [page(merchant, ADD), page(merchant, PRODUCTS, draft.pk), page(merchant, PAGE, draft.pk)]
    pages += [page(merchant, name, batch.pk) for name in (PAGE, REVIEW, act("retry"), act("cancel"))]
    for html in pages:
        main = html.partition('<div id="content"')[2]
        assert "style=" not in main
        assert not re.search(r"\son\w+=", main)
        assert not re.search(r"<script(?![^>]*(src=|application/json))", main)
        assert '<script type="module" src="/static/vton/batches.js"></script>' in html
    assert BatchRender.objects.count() == 0, "looking writes nothing"
