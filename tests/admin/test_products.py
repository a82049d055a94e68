"""The products page: verdicts, figures, filters, order and actions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton import batches, roles, tasks
from django_vton.models import Batch, BatchRender, Conversion, ProductCheck
from shop.models import Product, ProductPhoto
from tests.tryons import make_product, product_ref

from . import factories
from .batches import CHANGE, product_refs
from .conftest import Staff, get_page, post_messages, visible_text
from .test_roles import Migration

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto
    from tests.intake_helpers import StoredFiles

LIST = "admin:vton_productcheck_changelist"


def create_product(name: str, side: int = 400) -> Product:
    """Create a product with a square image; the worker then checks it."""
    product = Product.objects.create(name=name, slug=name.lower(), kind="top", price=10)
    product.photo.save("photo.jpg", ContentFile(factories.jpeg(side, side)))
    return product


def create_checks(count: int, reason: str = "too_small") -> None:
    """Create products without files, and problems with their images."""
    made = Product.objects.bulk_create(
        Product(name=f"{reason} {n}", slug=f"{reason}-{n}", kind="top", price=10, photo="none.jpg")
        for n in range(count)
    )
    ProductCheck.objects.bulk_create(
        ProductCheck(
            product=product_ref(product), reason=reason, problem="Not usable.", checked_at=timezone.now()
        )
        for product in made
    )


def create_render(photo: PersonPhoto, product: Product, **fields: Any) -> BatchRender:
    """Create a completed render of a batch."""
    ref = product_ref(product)
    made = factories.create_tryon(None, photo=photo, product=ref, shared_key=f"{ref} {photo.name} {fields}")
    return BatchRender.objects.create(
        batch=Batch.objects.create(status="running", total=1, next_position=1),
        position=0,
        product=ref,
        photo=photo,
        status="requested",
        request=factories.complete_tryon(made),
        **fields,
    )


def publish(render: BatchRender) -> None:
    batches.accept(render.batch, [render.pk])
    assert batches.publish(render) == ""


def listed(client: Client, **query: str) -> list[str]:
    """Return the names of the products in the order of the page."""
    return re.findall(r'shop/product/\d+/change/">([^<]+)</a>', get_page(client, LIST, **query))


def row_text(client: Client, product: Product) -> str:
    """Return the text of the product's row, from its title."""
    html = get_page(client, LIST).partition(f'shop/product/{product.pk}/change/">')[2]
    return visible_text(f'<div id="content">{html.partition("</tr>")[0]}')


def test_each_product_has_its_picture_and_verdict(viewer: Client) -> None:
    tiny, shirt = create_product("Scarf", 120), create_product("Shirt")
    bag, hidden = make_product("bag", "accessory"), make_product("hidden", "top", is_public=False)
    tasks.wake()
    new = create_product("New")

    html = get_page(viewer, LIST)

    assert listed(viewer) == ["Scarf", "Shirt", "Bag", "Hidden", "New"]
    assert f'<img class="vton-thumb" src="{shirt.photo.url}" alt="" loading="lazy">' in html
    assert "The product picture is too small: it has 120 × 120 pixels." in row_text(viewer, tiny)  # noqa: RUF001 - the sign between two lengths
    assert row_text(viewer, shirt).endswith("✓ usable just now")
    assert "This product has no picture." in row_text(viewer, bag)
    assert "switched off" in row_text(viewer, hidden)
    assert row_text(viewer, new).endswith("not checked yet checked again soon")


def test_each_product_has_its_figures(viewer: Client, files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    shirt, other = create_product("Shirt"), create_product("Other")
    ref, noa = product_ref(shirt), factories.create_house_model()
    guest = factories.create_guest()
    liked = factories.complete_tryon(factories.create_tryon(guest, product=ref, feedback="like"))
    factories.complete_tryon(factories.create_tryon(guest, product=ref, feedback="dislike"))
    factories.create_tryon(factories.create_guest(), product=ref, feedback="dislike")
    for kind in ("added", "purchased"):
        Conversion.objects.create(request=liked, kind=kind, product=ref, reference="line-1")
    create_render(noa, shirt)
    create_render(noa, shirt, review="rejected")
    create_render(factories.create_house_model("Mia"), shirt, is_outdated=True)

    text = row_text(viewer, shirt)

    # Five of the six renders are completed, at 0.075 USD.
    assert "3 1 1 outdated 1 rejected 0.375 USD 1 2 dislikes 1 bought 1 added to the basket" in text
    assert "0 0 - 0 0" in row_text(viewer, other)
    assert f'?product={ref.replace(":", "%3A")}&amp;picture=outdated"' in get_page(viewer, LIST)


@pytest.mark.parametrize("column", ["try_ons", "current", "cost", "likes", "bought"])
def test_products_are_sorted_by_each_figure(viewer: Client, files: StoredFiles, column: str) -> None:  # noqa: ARG001 - photos are stored
    few, _none, many = (create_product(name) for name in ("Few", "None", "Many"))
    noa = factories.create_house_model()
    for product, number in ((few, 1), (many, 2)):
        for n in range(number):
            tryon = factories.create_tryon(
                factories.create_guest(), product=product_ref(product), feedback="like"
            )
            Conversion.objects.create(
                request=factories.complete_tryon(tryon), kind="purchased", reference=f"{n}"
            )
            create_render(noa, product, refusal_code=f"{n}")

    assert listed(viewer, sort=column) == ["Many", "Few", "None"]
    assert listed(viewer, sort=f"-{column}") == ["None", "Few", "Many"]
    assert listed(viewer, sort=column, q="n") == ["Many", "None"]
    assert 'aria-sort="descending"' in get_page(viewer, LIST, sort=column)


def test_products_are_sorted_by_name_or_in_the_shops_order(viewer: Client) -> None:
    for position, name in enumerate(("Hat", "Scarf", "Coat")):
        Product.objects.create(name=name, slug=name, kind="top", price=1, position=position)
    assert listed(viewer) == listed(viewer, sort="nonsense") == ["Hat", "Scarf", "Coat"]
    assert listed(viewer, sort="name") == ["Coat", "Hat", "Scarf"]
    assert listed(viewer, sort="-name") == ["Scarf", "Hat", "Coat"]


def test_products_are_filtered_by_text_verdict_reason_and_renders(viewer: Client, files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    shirt, coat, hat = (create_product(name) for name in ("Shirt", "Coat", "Hat"))
    tasks.wake()
    create_checks(1, "too_small")
    create_checks(1, "file")
    noa = factories.create_house_model()
    publish(create_render(noa, shirt))
    create_render(noa, coat, is_outdated=True)

    assert listed(viewer, status="usable") == ["Shirt", "Coat", "Hat"]
    assert listed(viewer, status="unusable") == ["too_small 0", "file 0"]
    assert listed(viewer, status="too_small") == ["too_small 0"]
    assert listed(viewer, status="missing") == ["Hat", "too_small 0", "file 0"]
    assert listed(viewer, status="outdated") == ["Coat"]
    assert listed(viewer, status="published") == ["Shirt"]
    assert listed(viewer, q="SHI") == ["Shirt"]
    assert listed(viewer, q="\0shirt", model="shop.product", status="missing") == []
    assert listed(viewer, model="shop.other") == []
    assert len(listed(viewer, status="nonsense")) == 5
    assert hat.name in listed(viewer, status="missing", sort="name", page="99")


def test_a_batch_is_started_with_the_selection_or_with_all_products_found(merchant: Client) -> None:
    shirt, coat = create_product("Shirt"), create_product("Coat")
    create_product("Shirt 2")
    assert product_refs(get_page(merchant, LIST, q="shirt"))[0] == product_ref(shirt)
    selected = {"action": "render", "product": [product_ref(coat), "shop.product:999", "x"]}
    response = merchant.post(reverse(LIST), selected)
    batch = Batch.objects.get()
    assert response["Location"] == reverse(CHANGE, args=[batch.pk])
    assert batch.products == [product_ref(coat)]

    merchant.post(f"{reverse(LIST)}?q=shirt", {"action": "render", "all": "on"})
    assert len(Batch.objects.order_by("pk")[1].products) == 2
    for nothing in ({"action": "render"}, {"all": "on"}, {"action": "burn", "all": "on"}):
        assert len(post_messages(merchant, LIST, nothing)) == 1
    assert Batch.objects.count() == 2


def test_all_or_only_the_outdated_renders_of_a_selection_leave_the_shop(
    merchant: Client,
    files: StoredFiles,  # noqa: ARG001 - photos are stored
) -> None:
    shirt, coat = create_product("Shirt"), create_product("Coat")
    noa, mia = factories.create_house_model(), factories.create_house_model("Mia")
    outdated = create_render(noa, shirt)
    for render in (outdated, create_render(mia, shirt), create_render(noa, coat)):
        publish(render)
    BatchRender.objects.filter(pk=outdated.pk).update(is_outdated=True)

    every = {"action": "remove_outdated", "all": "on"}
    page = merchant.post(reverse(LIST), every).content.decode()
    assert "2 products were selected." in visible_text(page)
    assert 'name="all" value="on"' in page
    assert ProductPhoto.objects.count() == 3, "it is not confirmed yet"
    messages = post_messages(merchant, LIST, {**every, "confirmed": "yes"})
    assert messages == ["1 render was removed from the shop."]
    assert ProductPhoto.objects.filter(product=shirt).count() == 1

    one = {"action": "remove", "product": [product_ref(shirt)]}
    assert product_ref(shirt) in merchant.post(reverse(LIST), one).content.decode()
    post_messages(merchant, LIST, {**one, "confirmed": "yes"})
    assert list(ProductPhoto.objects.values_list("product", flat=True)) == [coat.pk]


def test_a_product_can_be_checked_again_after_its_file_was_replaced(staff: Staff) -> None:
    operator = staff("operate")
    product = create_product("Scarf", 120)
    tasks.wake()
    with product.photo.storage.open(str(product.photo.name), "wb") as file:
        file.write(factories.jpeg())

    messages = post_messages(operator, LIST, {"action": "check", "product": [product_ref(product)]})

    assert messages == ["1 product is checked within a minute."]
    assert "checked again soon" in row_text(operator, product)
    tasks.wake()
    assert listed(operator, status="unusable") == []


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (roles.VIEWER, set()),
        (roles.MERCHANDISER, {"render", "remove_outdated", "remove", "check"}),
        (roles.OPERATOR, {"render", "check"}),
    ],
)
@pytest.mark.django_db
def test_each_action_is_limited_to_its_roles(role: str, actions: set[str]) -> None:
    roles.create_groups(apps.get_app_config("vton"), "default", [(Migration, False)])
    user = User.objects.create_user("vera", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    shirt = create_product("Shirt")

    html = get_page(client, LIST)

    every = ("render", "remove_outdated", "remove", "check")
    assert {name for name in every if f'<option value="{name}"' in html} == actions
    assert ('type="checkbox"' in html) == bool(actions)
    for name in every:
        response = client.post(reverse(LIST), {"action": name, "product": [product_ref(shirt)]})
        assert (response.status_code == 403) == (name not in actions), name


@pytest.mark.django_db
def test_staff_without_the_permission_see_no_products() -> None:
    client = Client()
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.post(reverse(LIST), {"action": "check", "all": "on"}).status_code == 403


@pytest.mark.parametrize("query", [{}, {"sort": "likes", "status": "unusable"}])
def test_the_number_of_queries_does_not_grow_with_the_products(viewer: Client, query: dict[str, str]) -> None:
    counts = []
    for reason in ("too_small", "file"):
        create_checks(10, reason)
        with CaptureQueriesContext(connection) as queries:
            get_page(viewer, LIST, **query)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_the_health_page_links_to_the_products_with_unusable_pictures(staff: Staff) -> None:
    create_checks(2)
    html = get_page(staff("operate"), "admin:vton_health")
    assert f'<a href="{reverse(LIST)}?status=unusable">2</a>' in html
