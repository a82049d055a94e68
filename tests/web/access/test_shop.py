"""Who may use the views of the shop. Every view must be classified in `helpers.SHOP_VIEWS`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from django_vton import urls
from django_vton.gateway import links
from django_vton.models import (
    PhotoAccess,
    TryOnRequest,
)
from tests.tryons import TOKEN, claim_for_submit, create_tryon, read_stream

from .helpers import (
    BY_TOKEN,
    METHODS,
    NOT_FOUND,
    OWNER_ONLY,
    OWNER_OR_STAFF,
    OWNER_REQUESTS,
    SHOP_VIEWS,
    leaked_ids,
    send_request,
    stored_rows,
    url_names,
    view_url,
)

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

VISITORS = [
    "stranger",
    "another guest",
    "another user",
    "a guest with a made-up token",
    "a customer with the permission",
    "staff without the permission",
    "staff with the permission",
]
for_each_visitor = pytest.mark.parametrize("visitor", VISITORS, indirect=True)


def test_every_view_is_classified() -> None:
    assert set(url_names(urls.urlpatterns)) == set(SHOP_VIEWS)


@for_each_visitor
def test_no_other_visitor_sees_or_changes_a_shoppers_data(
    visitor: Client, done: TryOnRequest, request: Any
) -> None:
    assert done.shopper
    before = stored_rows(done.shopper)
    is_permitted = request.node.callspec.params["visitor"] == "staff with the permission"
    for name, method in itertools.product(SHOP_VIEWS, METHODS):
        status, body, sent = send_request(visitor, method, view_url(name, done), done)
        context = (name, method, status, body[:200])
        if SHOP_VIEWS[name] == OWNER_OR_STAFF and is_permitted:
            assert status == (200 if method in {"GET", "HEAD"} else 405), context
        elif SHOP_VIEWS[name] in {OWNER_ONLY, OWNER_OR_STAFF, BY_TOKEN, NOT_FOUND}:
            assert status in {404, 405}, context
        else:
            assert status in {200, 201, 204, 303, 400, 404, 405}, context
        assert not leaked_ids(done, body, sent), context
    assert stored_rows(done.shopper) == before
    assert not done.photo or done.photo.try_ons.get() == done
    assert PhotoAccess.objects.exists() == is_permitted


def test_the_owner_has_access_to_all_of_their_data(guest: Client, done: TryOnRequest) -> None:
    assert {name for name, _method, _status in OWNER_REQUESTS} == {
        name for name, kind in SHOP_VIEWS.items() if kind in {OWNER_ONLY, OWNER_OR_STAFF}
    }
    for name, method, expected in OWNER_REQUESTS:
        status, body, _sent = send_request(guest, method, view_url(name, done), done)
        assert status == expected, (name, method, status, body[:200])
    done.refresh_from_db()
    assert done.erased_at is not None


def test_nobody_can_access_erased_data(guest: Client, done: TryOnRequest, admin_client: Client) -> None:
    erased_urls = {
        name: view_url(name, done)
        for name, kind in SHOP_VIEWS.items()
        if kind in {OWNER_ONLY, OWNER_OR_STAFF}
    }
    assert guest.delete(reverse("vton:me")).status_code == 204
    for client, (name, url) in itertools.product((guest, admin_client), erased_urls.items()):
        for method in METHODS:
            status, _body, _sent = send_request(
                client, method, url, TryOnRequest(pk=done.pk, product=done.product)
            )
            assert status in {404, 405}, (name, method)


@for_each_visitor
def test_the_vendors_views_need_their_own_token(
    visitor: Client, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shirt, phone_photo(shade=3))
    attempt = claim_for_submit(row)
    assert row.photo
    assert row.product_image
    [(token, _)] = links.create_links([attempt])
    assert visitor.get(reverse("vton:vendor-file", args=[TOKEN])).status_code == 404
    assert visitor.post(reverse("vton:callback", args=[token])).status_code == 404
    # Anyone with the token has access: it is the vendor's only proof of identity.
    assert read_stream(visitor.get(reverse("vton:vendor-file", args=[token])))
    assert visitor.post(reverse("vton:callback", args=[TOKEN])).status_code == 200
