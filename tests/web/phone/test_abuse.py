"""Forged forms, floods, nonsense, and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from django_vton.conf import Rate
from django_vton.models import PhoneLink, Shopper
from django_vton.web import phone_links
from tests import canaries
from tests.doors import code, ref, start
from tests.web.phone.steps import HOST, LINKS, new_link, path_of

if TYPE_CHECKING:
    from shop.models import Product

pytestmark = pytest.mark.django_db


def test_every_write_asks_for_the_csrf_token(shirt: Product) -> None:
    desktop = Client(SERVER_NAME=HOST, enforce_csrf_checks=True)
    mobile = Client(SERVER_NAME=HOST, enforce_csrf_checks=True)
    assert code(desktop.post(LINKS, {"product": ref(shirt)})) == (403, "csrf_failed")
    assert not Shopper.objects.exists()
    token = start(desktop, shirt).json()["csrf_token"]
    link = desktop.post(LINKS, {"product": ref(shirt)}, headers={"X-CSRFToken": token}).json()
    assert mobile.post(path_of(link)).status_code == 403
    mobile.get(path_of(link))
    origin = {"origin": "https://evil.example"}
    form = {"csrfmiddlewaretoken": mobile.cookies["csrftoken"].value}
    assert mobile.post(path_of(link), form, headers=origin).status_code == 403
    # As browsers send it under "strict-origin".
    origin = {"origin": f"http://{HOST}", "referer": f"http://{HOST}/"}
    assert mobile.post(path_of(link), form, headers=origin).status_code == 303


def test_codes_are_limited_for_a_shopper_and_for_an_address(
    desktop: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_links, "PER_SHOPPER", Rate(2, "hour"))
    monkeypatch.setattr(phone_links, "PER_ADDRESS", Rate(3, "hour"))
    for _ in range(2):
        new_link(desktop, shirt)
    refused = desktop.post(LINKS, {"product": ref(shirt)})
    assert code(refused) == (429, "quota_exceeded")
    assert "codes" in refused.json()["detail"]
    assert int(refused["Retry-After"]) > 0
    new_link(Client(SERVER_NAME=HOST), shirt)
    shoppers = Shopper.objects.count()
    assert Client(SERVER_NAME=HOST).post(LINKS, {"product": ref(shirt)}).status_code == 429
    assert Shopper.objects.count() == shoppers
    # It is another count than that of try-ons.
    assert start(desktop, shirt).json()["quota"]["remaining"] == 10


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (404, "product_unknown")),
        ({"product": "shop.product:0"}, (404, "product_unknown")),
        ({"product": "\0"}, (400, "request_invalid")),
        ({"product": ["x"]}, (400, "request_invalid")),
        ([], (400, "request_invalid")),
    ],
)
def test_a_body_that_makes_no_sense_stores_nothing(
    desktop: Client, body: Any, expected: tuple[int, str]
) -> None:
    assert code(desktop.post(LINKS, body, content_type="application/json")) == expected
    assert not Shopper.objects.exists()
    assert "sessionid" not in desktop.cookies


def test_a_product_that_is_withdrawn_meanwhile_is_not_told(
    desktop: Client, mobile: Client, shirt: Product
) -> None:
    link = new_link(desktop, shirt)
    type(shirt).objects.filter(pk=shirt.pk).delete()
    for response in (mobile.get(path_of(link)), mobile.post(path_of(link))):
        assert response.status_code == 404
        assert shirt.name not in response.content.decode()
    assert PhoneLink.objects.get().used_at is None


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
def test_no_log_tells_a_token(desktop: Client, shirt: Product, method: str) -> None:
    link = new_link(desktop, shirt)
    token = urlsplit(link["url"]).path.split("/")[-2]
    with canaries.watching() as watch:
        for state in ("fresh", "used", "over"):
            if state != "fresh":
                PhoneLink.objects.update(used_at=timezone.now())
            if state == "over":
                PhoneLink.objects.all().delete()
            getattr(Client(SERVER_NAME=HOST), method)(path_of(link))
        desktop.get(f"{LINKS}{link['id']}/")
        desktop.get("/no/such/page/")
    assert "/no/such/page/" in "".join(watch.lines), "nothing was heard at all"
    canaries.assert_silent("log", "\n".join(watch.lines), token)
    canaries.assert_silent("mail", canaries.mails(), token)


def test_an_error_of_ours_tells_no_token(
    desktop: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = new_link(desktop, shirt)
    token = urlsplit(link["url"]).path.split("/")[-2]
    monkeypatch.setattr(phone_links, "use", lambda *_args: 1 / 0)
    with canaries.watching() as watch:
        assert Client(SERVER_NAME=HOST).post(path_of(link)).status_code == 503
    assert "ZeroDivisionError" in "".join(watch.lines)
    canaries.assert_silent("log", "\n".join(watch.lines) + canaries.mails(), token)
