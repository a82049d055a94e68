"""A shop below a path: each combination of the settings and the server's SCRIPT_NAME works or is reported."""

from __future__ import annotations

import re
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import Tags, run_checks
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.urls import get_script_prefix, set_script_prefix

from django_vton.models import TryOnRequest
from tests.live_shop import ShopperClient
from tests.tryons import product_ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

MOUNT = "/shop"
URL_ATTRIBUTE = re.compile(r'\s(?:href|src|action|start-url|dialog-url|data-vton|data-try-ons)="(/[^"]*)"')

pytestmark = pytest.mark.django_db(transaction=True)


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def serve(*, mount: str, script_name: str) -> Iterator[tuple[str, ShopperClient]]:
    """Serve the shop below `mount` only, as a proxy or a WSGI server does. Yield its root URL, a shopper."""
    handler = WSGIHandler()

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith(f"{mount}/"):
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        environ |= {"PATH_INFO": path.removeprefix(mount), "SCRIPT_NAME": script_name}
        return handler(environ, start_response)

    with ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler, connections_override={}) as server:
        server.set_app(application)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        shopper = ShopperClient(url + mount)
        try:
            yield url, shopper
        finally:
            shopper.http.close()
            server.shutdown()
            thread.join()


def run_worker(*, has_prefix: bool, settings: Settings) -> None:
    """Run due try-ons. Django sets the prefix for FORCE_SCRIPT_NAME only in the main thread of a command."""
    before = get_script_prefix()
    set_script_prefix((settings.FORCE_SCRIPT_NAME or "/") if has_prefix else "/")
    try:
        call_command("vton_worker", "--once")
    finally:
        set_script_prefix(before)


def reported() -> str:
    """What `manage.py check --database default` reports about the URLs."""
    messages = [*run_checks(tags=["vton"]), *run_checks(tags=[Tags.database], databases=["default"])]
    return " ".join(f"{it.id} {it.msg} {it.hint}" for it in messages)


@pytest.mark.parametrize(
    ("forced", "script_name", "path", "has_prefix"),
    [
        (None, "", "", False),
        # The proxy removes the path, and nothing tells Django about it.
        (None, "", MOUNT, False),
        (None, MOUNT, MOUNT, False),
        (MOUNT, "", MOUNT, True),
        (MOUNT, MOUNT, f"{MOUNT}/", False),
    ],
)
def test_a_try_on_completes_if_the_public_url_contains_the_path(
    settings: Settings,
    vton: Vton,
    gateway: Gateway,
    shirt: Product,
    phone_photo: PhotoMaker,
    forced: str | None,
    script_name: str,
    path: str,
    has_prefix: bool,
) -> None:
    settings.FORCE_SCRIPT_NAME = forced
    with serve(mount=path.rstrip("/"), script_name=script_name) as (url, shopper):
        vton(PUBLIC_BASE_URL=url + path)
        assert reported() == ""
        # Creates the storages anew, since Django caches their URLs.
        settings.STORAGES = {**settings.STORAGES}
        ordered = shopper.post_tryon(product_ref(shirt), phone_photo(), consent="true")
        assert ordered.status_code == 202, ordered.text
        run_worker(has_prefix=has_prefix, settings=settings)
        done = shopper.wait_for_status(ordered.json()["id"])
        assert done["status"] == "completed", done
        (submit,) = gateway.ledger.entries
        counts = gateway.ledger.counts(str(submit.request_id))
        assert (counts.callbacks_sent, counts.media_fetches) == (1, 1)
        assert TryOnRequest.objects.get().called_back_at is not None

        # What shoppers see. Without a script name, the links of the whole shop lack the path.
        mount = forced or script_name
        (image,) = done["images"]
        pages = [f"{mount}/products/{shirt.slug}/", done["page_url"], image["url"]]
        for address in pages if mount == path.rstrip("/") else []:
            response = shopper.http.get(url + address)
            assert response.status_code == 200
            assert address.startswith(f"{mount}/")
            if "html" in response.headers["Content-Type"]:
                links = URL_ATTRIBUTE.findall(response.text)
                assert len(links) > 5
                assert [link for link in links if not link.startswith(f"{mount}/")] == []


@pytest.mark.parametrize("script_name", ["", MOUNT])
@pytest.mark.parametrize("base_url", ["https://shop.example", "https://shop.example/other"])
def test_a_public_url_without_force_script_name_is_an_error(
    settings: Settings, vton: Vton, script_name: str, base_url: str
) -> None:
    settings.FORCE_SCRIPT_NAME = MOUNT
    settings.ALLOWED_HOSTS = ["*"]
    vton(PUBLIC_BASE_URL=base_url)
    assert "vton.E014" in reported()
    assert "Set VTON['PUBLIC_BASE_URL'] to https://shop.example/shop." in reported()
    with serve(mount=MOUNT, script_name=script_name) as (_url, shopper):
        assert shopper.http.get("/").status_code == 200


def test_a_public_url_without_the_servers_script_name_costs_nothing_and_is_reported(
    vton: Vton, shirt: Product, phone_photo: PhotoMaker
) -> None:
    with serve(mount=MOUNT, script_name=MOUNT) as (url, shopper):
        vton(PUBLIC_BASE_URL=url)
        assert reported() == "", "only requests have the server's script name"
        assert "<vton-try-on" not in shopper.http.get(f"/products/{shirt.slug}/").text
        refused = shopper.post_tryon(product_ref(shirt), phone_photo(), consent="true")
        assert (refused.status_code, refused.json()["code"]) == (503, "not_configured")
        assert f"VTON['PUBLIC_BASE_URL'] to {url}{MOUNT}." in reported()
        vton(PUBLIC_BASE_URL=url + MOUNT)
        assert reported() == ""


def test_a_public_url_with_the_path_of_the_urlconf_is_an_error(vton: Vton, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    vton(PUBLIC_BASE_URL="https://shop.example/try-on/")
    assert "vton.E015" in reported()
    assert "/try-on/try-on/" in reported()
    assert "Set VTON['PUBLIC_BASE_URL'] to https://shop.example." in reported()
