"""The list of products whose image cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton import tasks
from django_vton.models import ProductCheck
from shop.models import Product
from tests.tryons import product_ref

from . import factories
from .conftest import get_page, post_messages, visible_text

if TYPE_CHECKING:
    from .conftest import Staff

LIST = "admin:vton_productcheck_changelist"


def create_product(name: str, side: int) -> Product:
    """Create a product with a square image; the worker then checks it."""
    product = Product.objects.create(name=name, slug=name, kind="top", price=10)
    product.photo.save("photo.jpg", ContentFile(factories.jpeg(side, side)))
    return product


def create_checks(count: int, reason: str = "too_small") -> None:
    made = Product.objects.bulk_create(
        Product(name=f"{reason} {n}", slug=f"{reason}-{n}", kind="top", price=10) for n in range(count)
    )
    ProductCheck.objects.bulk_create(
        ProductCheck(
            product=product_ref(product), reason=reason, problem="Not usable.", checked_at=timezone.now()
        )
        for product in made
    )


def listed(client: Client, **query: str) -> list[str]:
    response = client.get(reverse(LIST), query)
    assert response.status_code == 200
    return [check.product for check in response.context["cl"].result_list]


def test_only_products_with_an_unusable_image_are_listed_with_reason_and_link(viewer: Client) -> None:
    tiny = create_product("Tiny scarf", 120)
    create_product("Shirt", 400)
    tasks.wake()

    html = get_page(viewer, LIST)

    text = visible_text(html)
    assert "Tiny scarf The product picture is too small: it has 120 × 120 pixels." in text  # noqa: RUF001 - the sign between two lengths
    assert "too small just now" in text
    assert reverse("admin:shop_product_change", args=[tiny.pk]) in html
    assert listed(viewer) == [product_ref(tiny)]


def test_a_repaired_product_disappears_and_so_does_a_deleted_one(viewer: Client) -> None:
    repaired, deleted = create_product("Scarf", 120), create_product("Hat", 120)
    tasks.wake()
    assert len(listed(viewer)) == 2

    repaired.photo.save("photo.jpg", ContentFile(factories.jpeg()))
    deleted.delete()
    tasks.wake()

    assert listed(viewer) == []


def test_products_are_filtered_by_reason(viewer: Client) -> None:
    create_checks(2, "too_small")
    create_checks(1, "file")

    assert len(listed(viewer, reason__exact="too_small")) == 2
    assert len(listed(viewer, reason__exact="file")) == 1
    assert len(listed(viewer, q="Not usable")) == 3


def test_a_product_can_be_checked_again_after_its_file_was_replaced(staff: Staff) -> None:
    merchant = staff("spend")
    product = create_product("Scarf", 120)
    tasks.wake()
    with product.photo.storage.open(str(product.photo.name), "wb") as file:
        file.write(factories.jpeg())

    messages = post_messages(
        merchant, LIST, {"action": "check_again", "_selected_action": [ProductCheck.objects.get().pk]}
    )

    assert messages == ["1 product is checked within a minute."]
    assert "again soon" in visible_text(get_page(merchant, LIST))
    tasks.wake()
    assert listed(merchant) == []


def test_viewers_cannot_check_again_and_nobody_adds_or_deletes(viewer: Client, superuser: Client) -> None:
    create_checks(1)
    data = {"action": "check_again", "_selected_action": [ProductCheck.objects.get().pk]}

    viewer.post(reverse(LIST), data)

    assert ProductCheck.objects.get().checked_at is not None
    assert "check_again" not in get_page(viewer, LIST)
    assert superuser.get(reverse("admin:vton_productcheck_add")).status_code == 403
    pk = ProductCheck.objects.get().pk
    assert superuser.post(reverse("admin:vton_productcheck_delete", args=[pk])).status_code == 403


@pytest.mark.django_db
def test_staff_without_the_permission_see_no_list() -> None:
    client = Client()
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.get(reverse(LIST)).status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_products(viewer: Client) -> None:
    counts = []
    for reason in ("too_small", "file"):
        create_checks(10, reason)
        with CaptureQueriesContext(connection) as queries:
            get_page(viewer, LIST)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_the_health_page_links_to_the_list(staff: Staff) -> None:
    create_checks(2)
    html = get_page(staff("operate"), "admin:vton_health")
    assert f'<a href="{reverse(LIST)}">2</a>' in html
