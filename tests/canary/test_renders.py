"""Key, links, tokens, addresses and photos are in no log, mail, table, page or repr, whatever fails.

Allowed on purpose: a guest's own token in the session's data; the URL of a result in `result_urls` until it
is downloaded; the request's META in Django's own part of an error report, with the client's address (the
shop's settings filter it). With DEBUG, the error page shows the submitted form, but no key and no token.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import ProgrammingError
from django.test import Client
from django.urls import reverse

from django_vton import tasks
from django_vton.models import Attempt, TryOnRequest
from django_vton.worker import dispatcher
from tests.canary import canaries
from tests.canary.canaries import ADDRESS, ALWAYS_SECRET, KEY, SIGNATURE, TOKEN
from tests.lifecycle.harness import StopAfterOneCycle
from tests.tryons import make_product

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product
    from tests.intake_helpers import StoredFiles

from .conftest import CALLBACKS, KINDS, CanaryShop, fill_disk, kinds_in, make_due, png

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_search_finds_a_canary_everywhere(
    canary_shop: CanaryShop, admin_client: Client, shirt: Product
) -> None:
    """Each place is really searched: a canary that is put there is found."""
    logging.getLogger("httpcore.http11").debug("to %s", KEY)
    with pytest.raises(AssertionError, match="the log"):
        canaries.assert_absent("the log", "\n".join(canary_shop.logs.lines), KEY)
    try:
        token = f"{TOKEN}1"
        raise ValueError(len(token))  # noqa: TRY301 - a frame with a secret in it
    except ValueError:
        logging.getLogger("django_vton.worker.dispatcher").exception("failed")
    with pytest.raises(AssertionError, match="a mail"):
        canaries.assert_absent("a mail", canaries.mail_text(), TOKEN)
    assert canary_shop.order(shirt).status_code == 202
    Attempt.objects.update(error=f"no: {KEY}")
    for where, text in (("tables", canaries.database_text()), ("admin", canaries.admin_text(admin_client))):
        with pytest.raises(AssertionError, match=where):
            canaries.assert_absent(where, text, KEY)


# Renders --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["top", "eyewear"])
def test_a_completed_render(canary_shop: CanaryShop, admin_client: Client, kind: str) -> None:
    product = make_product("thing", kind)
    canary_shop.host.response, canary_shop.host.on_request = (200, {}, png()), canary_shop.record_reprs
    canary_shop.gateway.scenario(result_url=canary_shop.host.url)
    CALLBACKS.append(canary_shop.record_reprs)
    response = canary_shop.order(product)
    assert response.status_code == 202
    with canaries.before_statement_on_new_connections(
        '"raw" = ', canary_shop.record_reprs
    ):  # The vendor's response has arrived and is not stored.
        for _ in range(6):  # On a slow machine, a dispatcher's time ends before the render does.
            tasks.dispatch()
            make_due()
            row = TryOnRequest.objects.get()
            if row.state == "completed":
                break
    assert row.state == "completed", canaries.as_json(list(row.events.values("name")))
    assert SIGNATURE in canary_shop.host.requested[0]
    assert kinds_in(canary_shop.reprs) == KINDS
    assert canary_shop.signals
    assert {"httpx", "asyncio", "PIL.PngImagePlugin", "django_vton.lifecycle"} & canary_shop.logs.names
    shown = canaries.as_json(canary_shop.client.get(response["Location"]).json())
    canaries.assert_absent("the response", shown, *ALWAYS_SECRET, TOKEN, ADDRESS)
    canary_shop.assert_nothing_leaked(admin_client)


@pytest.mark.parametrize(
    "scenario",
    [
        {"submit_status": 401, "submit_error": f"The key {KEY} is not valid."},
        {"submit_status": 400, "submit_error": f"Cannot load http://shop.example/try-on/files/{TOKEN}1/"},
        {"submit_status": 500, "submit_error": f"PipelineError: '{KEY}'"},
        {"submit_status": 502, "submit_html": True},
        {"submit": "close"},
        {"submit": "no_id"},
        {"outcome": "FAILED", "error": f"ImageLoadError: https://shop.example/f/{TOKEN}1?k={KEY}"},
        {"outcome": "ERROR", "error": f"s3://bucket/{TOKEN}2/?X-Amz-Signature={SIGNATURE}"},
        {"failed_asks": 1},
        {"callback_body": f'{{"request_id": "{KEY}", "error": "{TOKEN}{2:032d}"}}'},
    ],
    ids=lambda it: "-".join(map(str, next(iter(it.items()))))[:24],
)
def test_a_vendor_that_fails_or_sends_secrets(
    canary_shop: CanaryShop, admin_client: Client, shirt: Product, scenario: dict[str, Any]
) -> None:
    canary_shop.gateway.scenario(**scenario, times=None)
    assert canary_shop.order(shirt).status_code == 202
    for _ in range(3):
        dispatcher.run(stop=StopAfterOneCycle())
        make_due()
    is_stopped = scenario.get("submit_status") == 401
    canary_shop.assert_nothing_leaked(admin_client, is_mailed=is_stopped)


@pytest.mark.parametrize(
    ("url", "response"),
    [
        (f"ftp://cdn.example/1.png?sig={SIGNATURE}", None),
        (f"http://user:{SIGNATURE}@127.0.0.1/1.png", None),
        (f"https://127.0.0.1:1/{SIGNATURE}.png", None),
        (f"https://nowhere.invalid/{SIGNATURE}.png?{SIGNATURE}", None),
        (f"https://[::1/{SIGNATURE}", None),
        (f"http://127.0.0.1:99999/{SIGNATURE}", None),
        ("", (0, {}, b"")),
        ("", (500, {"X-Amz-Id": SIGNATURE}, SIGNATURE.encode())),
        ("", (410, {}, b"")),
        ("", (302, {"Location": f"https://other.example/?{SIGNATURE}"}, b"")),
        ("", (200, {"Content-Type": "text/html"}, f"<html>{SIGNATURE}".encode())),
        ("", (200, {}, png()[:600])),
        ("", (200, {"Content-Length": "9000"}, png())),
    ],
)
def test_a_result_that_cannot_be_downloaded(
    canary_shop: CanaryShop,
    admin_client: Client,
    shirt: Product,
    url: str,
    response: tuple[int, dict[str, str], bytes] | None,
) -> None:
    canary_shop.gateway.scenario(result_url=url or canary_shop.host.url)
    if response:
        canary_shop.host.response = response
    assert canary_shop.order(shirt).status_code == 202
    for _ in range(8):
        dispatcher.run(stop=StopAfterOneCycle())
        make_due()
    row = TryOnRequest.objects.get()
    assert row.state != "completed"
    if row.state != "failed":
        # Its URL is still needed for another try, until it is canceled.
        canary_shop.client.post(reverse("vton:cancel", args=[row.pk]))
    canary_shop.assert_nothing_leaked(admin_client)


# Failures of the shop's own services ----------------------------------------------------------------


def test_a_submit_after_its_lease_is_stopped(
    canary_shop: CanaryShop, admin_client: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LAST_POST_SECONDS", -100.0)
    canary_shop.order(shirt)
    dispatcher.run(stop=StopAfterOneCycle())
    assert any("failed with an unexpected error" in line for line in canary_shop.logs.lines)
    canary_shop.assert_nothing_leaked(admin_client, is_mailed=True)


@pytest.mark.parametrize(
    "statement",
    ['INSERT INTO "vton_vendorlink"', '"result_urls" = ', '"outcome" = ', '"token_hash" = '],
)
def test_the_database_fails_in_the_worker(
    canary_shop: CanaryShop, admin_client: Client, shirt: Product, statement: str
) -> None:
    canary_shop.host.response = (200, {}, png())
    canary_shop.gateway.scenario(result_url=canary_shop.host.url)
    canary_shop.order(shirt)
    fail_now = canaries.raising(ProgrammingError("The database failed."))
    with canaries.before_statement_on_new_connections(statement, fail_now):
        for _ in range(3):
            tasks.dispatch()
            make_due()
    assert any("The database failed." in line for line in canary_shop.logs.lines)
    canary_shop.assert_nothing_leaked(admin_client, is_mailed=True)


@pytest.mark.parametrize("kind", ["top", "eyewear"])
def test_the_disk_fails_in_the_worker(
    canary_shop: CanaryShop, admin_client: Client, files: StoredFiles, settings: Settings, kind: str
) -> None:
    storages = settings.STORAGES
    canary_shop.host.response = (200, {}, png())
    canary_shop.gateway.scenario(result_url=canary_shop.host.url)
    canary_shop.order(make_product("thing", kind))
    if kind == "eyewear":
        for path in (files.root / "vton" / "photos").rglob("*.jpg"):
            path.unlink()
    else:
        fill_disk(settings)
    tasks.dispatch()
    if kind == "top":
        for _slice in range(5):  # A slice may end before the download.
            if any("was not stored" in line for line in canary_shop.logs.lines):
                break
            make_due()
            tasks.dispatch()
        assert any("was not stored" in line for line in canary_shop.logs.lines)
        settings.STORAGES = storages
        tasks.dispatch()
        make_due()
        dispatcher.run(stop=StopAfterOneCycle())
    # An incident tells staff of a missing photo.
    canary_shop.assert_nothing_leaked(admin_client, is_mailed=kind == "top")
