"""CSRF, limits, invalid bodies, and tokens in logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from django_vton.conf import Rate
from django_vton.models import PhoneLink, Shopper
from django_vton.web import phone_links
from tests.canary import canaries
from tests.tryons import error_code, get_start, product_ref
from tests.web.phone.actions import HOST, LINKS_URL, create_link, link_path

if TYPE_CHECKING:
    from shop.models import Product

pytestmark = pytest.mark.django_db


def test_creating_and_using_a_link_needs_the_csrf_token(shirt: Product) -> None:
    desktop = Client(SERVER_NAME=HOST, enforce_csrf_checks=True)
    mobile = Client(SERVER_NAME=HOST, enforce_csrf_checks=True)
    assert error_code(desktop.post(LINKS_URL, {"product": product_ref(shirt)})) == (403, "csrf_failed")
    assert not Shopper.objects.exists()
    token = get_start(desktop, shirt).json()["csrf_token"]
    link = desktop.post(LINKS_URL, {"product": product_ref(shirt)}, headers={"X-CSRFToken": token}).json()
    assert mobile.post(link_path(link)).status_code == 403
    mobile.get(link_path(link))
    origin = {"origin": "https://evil.example"}
    form = {"csrfmiddlewaretoken": mobile.cookies["csrftoken"].value}
    assert mobile.post(link_path(link), form, headers=origin).status_code == 403
    # As browsers send it with the policy "strict-origin".
    origin = {"origin": f"http://{HOST}", "referer": f"http://{HOST}/"}
    assert mobile.post(link_path(link), form, headers=origin).status_code == 303


def test_links_are_limited_per_shopper_and_per_ip_address(
    desktop: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_links, "RATE_PER_SHOPPER", Rate(2, "hour"))
    monkeypatch.setattr(phone_links, "RATE_PER_IP", Rate(3, "hour"))
    for _ in range(2):
        create_link(desktop, shirt)
    refused = desktop.post(LINKS_URL, {"product": product_ref(shirt)})
    assert error_code(refused) == (429, "quota_exceeded")
    assert "codes" in refused.json()["detail"]
    assert int(refused["Retry-After"]) > 0
    create_link(Client(SERVER_NAME=HOST), shirt)
    shoppers = Shopper.objects.count()
    assert Client(SERVER_NAME=HOST).post(LINKS_URL, {"product": product_ref(shirt)}).status_code == 429
    assert Shopper.objects.count() == shoppers
    # Links do not count as try-ons.
    assert get_start(desktop, shirt).json()["quota"]["remaining"] == 10


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
def test_an_invalid_body_stores_nothing(desktop: Client, body: Any, expected: tuple[int, str]) -> None:
    assert error_code(desktop.post(LINKS_URL, body, content_type="application/json")) == expected
    assert not Shopper.objects.exists()
    assert "sessionid" not in desktop.cookies


def test_the_page_does_not_name_a_product_that_was_removed(
    desktop: Client, mobile: Client, shirt: Product
) -> None:
    link = create_link(desktop, shirt)
    type(shirt).objects.filter(pk=shirt.pk).delete()
    for response in (mobile.get(link_path(link)), mobile.post(link_path(link))):
        assert response.status_code == 404
        assert shirt.name not in response.content.decode()
    assert PhoneLink.objects.get().used_at is None


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
def test_no_log_contains_a_token(desktop: Client, shirt: Product, method: str) -> None:
    link = create_link(desktop, shirt)
    token = urlsplit(link["url"]).path.split("/")[-2]
    with canaries.record_logs() as watch:
        for state in ("fresh", "used", "over"):
            if state != "fresh":
                PhoneLink.objects.update(used_at=timezone.now())
            if state == "over":
                PhoneLink.objects.all().delete()
            getattr(Client(SERVER_NAME=HOST), method)(link_path(link))
        desktop.get(f"{LINKS_URL}{link['id']}/")
        desktop.get("/no/such/page/")
    assert "/no/such/page/" in "".join(watch.lines), "no log was recorded"
    canaries.assert_absent("log", "\n".join(watch.lines), token)
    canaries.assert_absent("mail", canaries.mail_text(), token)


def test_an_internal_error_logs_no_token(
    desktop: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = create_link(desktop, shirt)
    token = urlsplit(link["url"]).path.split("/")[-2]
    monkeypatch.setattr(phone_links, "use", lambda *_args: 1 / 0)
    with canaries.record_logs() as watch:
        assert Client(SERVER_NAME=HOST).post(link_path(link)).status_code == 503
    assert "ZeroDivisionError" in "".join(watch.lines)
    canaries.assert_absent("log", "\n".join(watch.lines) + canaries.mail_text(), token)
