"""A firewall before the shop: the vendor cannot download the images, and says anything as it fails."""

from __future__ import annotations

import io
import json
import threading
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from django_vton import tasks
from django_vton.models import Quota, TryOnRequest
from django_vton.models.states import State
from django_vton.queue import liveness

from ..monitoring.incidents import STAFF, mailed_titles, wait_for_mails
from ..tryons import TRY_ONS, create_tryon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product

    from ..conftest import Vton
    from .harness import Harness
    from .rows import Orders

INCIDENT = "Pixazo cannot load the shop's images"


class Wall(BaseHTTPRequestHandler):
    """Answers instead of the shop."""

    def do_GET(self) -> None:
        self.send_error(403)

    do_POST = do_GET  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def wall(garment_harness: Harness, vton: Vton) -> Iterator[Harness]:
    """Orders shirts, whose images the vendor asks for at a firewall."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Wall) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        vton(PUBLIC_BASE_URL=f"http://127.0.0.1:{server.server_port}")
        yield garment_harness
        server.shutdown()
        thread.join()


def fail(harness: Harness, code: str, *, is_free: bool = False, **scenario: Any) -> TryOnRequest:
    """Order a try-on whose render ends like this, and check that the shop recorded this code."""
    harness.gateway.scenario(**{"outcome": "FAILED"} | scenario)
    row = harness.order_submitted()
    harness.poll_when_finished(row, times=harness.post_count())
    row = harness.reload(row, State.FAILED, code)
    assert harness.money_states(row) == ["free" if is_free else "spent"]
    return row


def counted_images() -> int:
    return sum(Quota.objects.values_list("used", flat=True))


def check_pictures() -> tuple[int, dict[str, Any]]:
    """The exit code, and the check of the pictures."""
    liveness.record_heartbeat()
    out = io.StringIO()
    code = 0
    try:
        call_command("vton_doctor", "--json", stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    [check] = [it for it in json.loads(out.getvalue()) if it["name"] == "pictures"]
    return code, check


# What the vendor says is overruled -------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", ["Internal error", "ContentModerationError: refused", "PoseError: no body", ""], ids=str
)
def test_a_failure_without_downloads_is_the_shops_whatever_the_vendor_says(
    wall: Harness, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = fail(wall, "images_unreachable", error=error)
    assert counted_images() == 0
    assert row.attempts.get().error.startswith(error or "ImageLoadError")
    assert "the vendor loaded 0 of 2 images. Can it reach PUBLIC_BASE_URL (http://127.0.0.1:" in caplog.text


def test_the_shopper_reads_that_the_shop_is_the_cause(wall: Harness, guest: Client, shirt: Product) -> None:
    wall.gateway.scenario(outcome="FAILED", error="Internal error")
    row = create_tryon(guest, shirt, wall.photo(300, 400))
    wall.run_cycle()
    wall.poll_when_finished(row)
    body = guest.get(f"{TRY_ONS}{row.pk}/").json()
    assert (body["status"], body["counted"]) == ("failed", False)
    assert (body["error"]["code"], body["error"]["retryable"]) == ("images_unreachable", True)
    page = unescape(guest.get(body["page_url"]).content.decode())
    for text in (body["error"]["message"], page):
        assert "the shop's side" in text
        assert "this photo" not in text
    assert "This didn't use up a try-on." in page


def test_a_product_image_that_was_not_downloaded_is_enough(garment_harness: Harness) -> None:
    fail(garment_harness, "images_unreachable", blocked="product", error="Internal error")
    assert counted_images() == 0


@pytest.mark.parametrize(
    ("error", "code"), [("ContentModerationError", "moderated"), ("PoseError: no body", "no_person")]
)
def test_a_vendor_that_judges_the_photo_before_it_loads_the_product_image_is_believed(
    garment_harness: Harness, error: str, code: str
) -> None:
    fail(garment_harness, code, blocked="product", error=error)
    assert counted_images() == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("Internal error", "vendor"),
        ("ContentModerationError", "moderated"),
        ("ImageLoadError: model image", "photo_unusable"),
        ("ImageLoadError: garment image", "product_image"),
    ],
)
def test_a_failure_after_both_downloads_is_what_the_vendor_says(
    garment_harness: Harness, error: str, code: str
) -> None:
    fail(garment_harness, code, error=error)
    assert counted_images() == 1


def test_images_inside_of_the_request_need_no_download(wall: Harness, glasses: Product) -> None:
    wall.product = glasses
    for _ in range(2):
        fail(wall, "vendor", error="Internal error")
    assert counted_images() == 2
    tasks.wake()
    assert mailed_titles() == []


@pytest.mark.parametrize(
    ("error", "code"), [("ThirdPartyError", "vendor"), ("ImageLoadError", "images_unreachable")]
)
def test_an_error_of_the_vendors_own_system_is_the_shops_only_if_the_vendor_says_so(
    wall: Harness, error: str, code: str
) -> None:
    fail(wall, code, outcome="ERROR", error=error, is_free=True)
    assert counted_images() == 0


def test_a_submit_that_is_refused_for_images_that_were_not_downloaded(wall: Harness) -> None:
    wall.gateway.scenario(submit_status=400, submit_error="ImageLoadError: model image")
    row = wall.order()
    wall.run_cycle()
    row = wall.reload(row, State.FAILED, "images_unreachable")
    assert wall.money_states(row) == ["free"]


def test_shoppers_who_share_the_render_are_told_the_same_and_nothing_is_counted(
    wall: Harness, orders: Orders
) -> None:
    wall.gateway.scenario(outcome="FAILED", error="Internal error")
    source = orders.shared(2)
    wall.run_cycle()
    wall.poll_when_finished(source)
    for row in (source, *source.followers.all()):
        assert wall.reload(row, State.FAILED, "images_unreachable").quota_ids == []
    used = Quota.objects.exclude(key__startswith="shared:").values_list("used", flat=True)
    assert set(used) <= {0}


# What staff are told ---------------------------------------------------------------------------------


def test_two_such_failures_are_an_incident_and_one_is_not(
    wall: Harness, live_server: LiveServer, vton: Vton, settings: Any
) -> None:
    vton(NOTIFY=[STAFF])
    firewall = settings.VTON["PUBLIC_BASE_URL"]
    vton(PUBLIC_BASE_URL=live_server.url)
    row = wall.order_rendered()
    wall.make_due(row)
    wall.run_cycle()
    wall.reload(row, State.COMPLETED)
    vton(PUBLIC_BASE_URL=firewall)

    fail(wall, "images_unreachable", error="Internal error")
    tasks.wake()
    assert mailed_titles() == []
    assert check_pictures()[1]["ok"]

    fail(wall, "images_unreachable", error="Internal error")
    for _ in range(2):
        tasks.wake()
        wait_for_mails()
    assert mailed_titles() == [INCIDENT]
    text = str(mail.outbox[0].body)
    probe = f"{firewall}{reverse('vton:vendor-file', args=['test'])}"
    assert f"curl -i {probe}" in text
    assert "a firewall (WAF), a bot challenge, a login" in text
    assert "does not count as one of their try-ons" in text

    code, check = check_pictures()
    assert (code, check["ok"]) == (1, False)
    assert check["text"].startswith(f"{INCIDENT}. The newest renders failed, and Pixazo had not downloaded")
    assert f"curl -i {probe}" in check["text"]

    vton(PUBLIC_BASE_URL=live_server.url)
    fail(wall, "vendor", error="Internal error")
    assert check_pictures()[1]["ok"]


def test_the_first_render_of_all_fails_the_doctor(wall: Harness) -> None:
    fail(wall, "images_unreachable", error="Internal error")
    code, check = check_pictures()
    assert code == 1
    assert check["text"].startswith(f"{INCIDENT}. The newest renders failed, and Pixazo had not downloaded")
