"""Views that fail, and views whose URL is a secret, leak nothing."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client
from django.urls import reverse

from django_vton import tasks
from django_vton.models import Attempt, TryOnRequest, VendorLink
from django_vton.worker import dispatcher
from tests.canary import canaries
from tests.canary.canaries import ADDRESS, ALWAYS_SECRET, KEY, SIGNATURE, TOKEN
from tests.lifecycle.harness import StopAfterOneCycle

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product

from .conftest import CALLBACKS, CanaryShop, fail, fill_disk, png

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("how", "status"), [("captcha", 503), ("moderate", 503), ("disk", 503), ("database", 500)], ids=str
)
@pytest.mark.parametrize("entry_point", ["api", "json", "page"])
def test_a_view_that_fails_is_mailed_without_secrets(
    canary_shop: CanaryShop,
    admin_client: Client,
    shirt: Product,
    settings: Settings,
    how: str,
    status: int,
    entry_point: str,
) -> None:
    canary_shop.order(shirt)  # Creates a session and a guest with a token.
    TryOnRequest.objects.update(cache_key="another")
    if how in {"captcha", "moderate"}:
        settings.VTON = settings.VTON | {"MODERATE" if how == "captcha" else "CAPTCHA": None}
        CALLBACKS.append(fail)
    elif how == "disk":
        fill_disk(settings)
    fail_now = canaries.raising(ProgrammingError("The database failed."))
    wrapper = canaries.before_statement('INSERT INTO "vton_tryonrequest"', fail_now)
    with connection.execute_wrapper(wrapper) if how == "database" else nullcontext():
        response = canary_shop.order_through(entry_point, shirt)
    if how in {"moderate", "disk"} and entry_point == "json":
        assert response.status_code == 202  # No new photo is sent.
        return
    assert response.status_code == status
    canaries.assert_absent("the page", response.content.decode(), *ALWAYS_SECRET, TOKEN, ADDRESS)
    is_mailed = how != "disk"  # Staff are told of a failing storage by an incident.
    assert ("Traceback" in canaries.mail_text()) == is_mailed
    canary_shop.assert_nothing_leaked(admin_client, is_mailed=is_mailed)


@pytest.mark.parametrize("entry_point", ["api", "page"])
def test_the_debug_page_about_an_error_shows_no_key_and_no_token(
    canary_shop: CanaryShop, shirt: Product, settings: Settings, entry_point: str
) -> None:
    canary_shop.order(shirt)
    settings.DEBUG = True
    fail_now = canaries.raising(ProgrammingError("The database failed."))
    with connection.execute_wrapper(canaries.before_statement('INSERT INTO "vton_tryonrequest"', fail_now)):
        response = canary_shop.order_through(entry_point, shirt)
    text = response.content.decode()
    assert response.status_code == 500
    assert "The database failed" in text
    canaries.assert_absent("the page", text, KEY, TOKEN, SIGNATURE, canaries.PHOTO, *canaries.OUR_JPEG)


# Views whose URL is a secret ------------------------------------------------------------------------


@pytest.fixture
def submitted(canary_shop: CanaryShop, shirt: Product) -> TryOnRequest:
    """A submitted try-on, whose callback token and links are valid."""
    canary_shop.gateway.scenario(outcome="SIMMERING", callbacks=0)
    canary_shop.order(shirt)
    dispatcher.run(stop=StopAfterOneCycle())
    row = TryOnRequest.objects.get()
    assert row.state == "submitted"
    assert VendorLink.objects.count() == 2
    return row


@pytest.mark.usefixtures("submitted")
@pytest.mark.parametrize(("entry_point", "method"), [("callback", "post"), ("vendor-file", "get")])
@pytest.mark.parametrize("debug", [False, True])
def test_a_failed_request_of_the_vendor_gets_a_503_so_that_it_is_repeated(
    canary_shop: CanaryShop,
    admin_client: Client,
    settings: Settings,
    entry_point: str,
    method: str,
    debug: bool,
) -> None:
    fail_now = canaries.raising(OperationalError("The database is gone."))
    settings.DEBUG = debug
    secret = reverse(f"vton:{entry_point}", args=[f"{TOKEN}{7:032d}"])
    with connection.execute_wrapper(canaries.before_statement("token_hash", fail_now)):
        response = getattr(canary_shop.client, method)(secret)
    assert (response.status_code, response.content) == (503, b"")
    assert any("The database is gone." in line for line in canary_shop.logs.lines)
    settings.DEBUG = False
    canary_shop.assert_nothing_leaked(admin_client, is_mailed=True)


@pytest.mark.usefixtures("submitted")
def test_a_refused_request_of_the_vendor_is_not_logged(canary_shop: CanaryShop, admin_client: Client) -> None:
    for entry_point, methods in (("callback", ["get", "put"]), ("vendor-file", ["post", "get"])):
        secret = reverse(f"vton:{entry_point}", args=[f"{TOKEN}{99:032d}"])
        for method in methods:
            assert getattr(canary_shop.client, method)(secret).status_code in {404, 405}
    canary_shop.assert_nothing_leaked(admin_client)


def test_stored_responses_of_the_vendor_contain_no_urls(canary_shop: CanaryShop, shirt: Product) -> None:
    canary_shop.host.response = (200, {}, png())
    canary_shop.gateway.scenario(result_url=canary_shop.host.url)
    canary_shop.order(shirt)
    tasks.dispatch()
    raw = json.dumps(Attempt.objects.get().raw)
    assert "request_id" in raw
    assert "http" not in raw
