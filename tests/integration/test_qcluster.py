"""Complete try-ons with a real qcluster, a real web server and the sandbox gateway over real sockets."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image, ImageChops

from tests.live_shop import REDIS_PORT, RunningShop, is_listening, phone_photo, redis_database, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from django_vton.sandbox.ledger import Counts, Entry

GARMENT = "linen-shirt"
GLASSES = "otto-glasses"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    with RunningShop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean_ledger(shop: RunningShop) -> None:
    shop.gateway.reset()


def test_a_garment_with_two_samples_is_submitted_once_and_stores_two_images(shop: RunningShop) -> None:
    shopper = shop.shopper()
    product = shop.product(GARMENT)

    response = shopper.post_tryon(product, phone_photo(shade=1), consent="true", options='{"num_samples": 2}')
    assert response.status_code == 202, response.text
    done = shopper.wait_for_status(response.json()["id"])

    assert done["status"] == "completed", shop.log("workers")
    assert len(done["images"]) == 2
    (submit,) = _submits(shop)
    assert submit.amount == 150_000
    counts = _counts(shop)
    assert (counts.callbacks_sent, counts.asks, counts.media_fetches) == (1, 1, 2)


def test_a_png_result_is_stored_pixel_for_pixel(shop: RunningShop) -> None:
    shopper = shop.shopper()
    response = shopper.post_tryon(shop.product(GARMENT), phone_photo(shade=2), consent="true")
    done = shopper.wait_for_status(response.json()["id"])

    (image,) = done["images"]
    stored = Image.open(io.BytesIO(shopper.http.get(image["url"]).content))
    (served_at,) = _media_urls(shop)
    served = Image.open(io.BytesIO(httpx.get(served_at).content))
    assert stored.format == served.format == "PNG"
    assert stored.mode == served.mode
    assert ImageChops.difference(stored, served).getbbox(alpha_only=False) is None


def test_glasses_are_rendered(shop: RunningShop) -> None:
    shopper = shop.shopper()
    response = shopper.post_tryon(shop.product(GLASSES), phone_photo(shade=3), consent="true")
    done = shopper.wait_for_status(response.json()["id"])

    assert done["status"] == "completed", shop.log("workers")
    assert done["engine"] == "glass-v1"
    assert [image["content_type"] for image in done["images"]] == ["image/jpeg"]
    (submit,) = _submits(shop)
    assert submit.amount == 300_000


def test_a_try_on_waits_while_no_worker_runs(shop: RunningShop) -> None:
    shopper = shop.shopper()
    shop.stop("workers")
    response = shopper.post_tryon(shop.product(GARMENT), phone_photo(shade=4), consent="true")
    assert response.status_code == 202
    assert _submits(shop) == []

    shop.start_workers()
    done = shopper.wait_for_status(response.json()["id"])

    assert done["status"] == "completed", shop.log("workers")
    assert len(_submits(shop)) == 1


def test_a_worker_is_seen_when_it_starts_and_the_buttons_return(shop: RunningShop) -> None:
    """Its first scheduled task would run half a minute later."""
    page = f"{shop.url}/products/{GARMENT}/"
    shop.stop("workers")
    shop.sql("UPDATE vton_dispatcherlease SET seen_at = '2026-01-01 00:00:00'")
    wait_until(lambda: "<vton-try-on" not in httpx.get(page).text, "there is no button", 5)

    shop.start_workers()

    wait_until(lambda: "<vton-try-on" in httpx.get(page).text, "the button is back", 20)


def test_a_refused_request_costs_nothing(shop: RunningShop) -> None:
    shopper = shop.shopper()
    product = shop.product(GARMENT)
    noise = b"This is a text file, whatever its name says.\n" * 50

    refused = {
        "photo_required": shopper.post_tryon(product, None, consent="true"),
        "photo_unreadable": shopper.post_tryon(product, phone_photo()[:5000], consent="true"),
        "photo_format": shopper.post_tryon(product, noise, consent="true"),
        "consent_required": shopper.post_tryon(product, phone_photo()),
        "product_unknown": shopper.post_tryon("shop.product:987654", phone_photo(), consent="true"),
        "options_invalid": shopper.post_tryon(
            product, phone_photo(), consent="true", options='{"moderation_level": "permissive"}'
        ),
    }

    assert {code: response.json()["code"] for code, response in refused.items()} == {
        code: code for code in refused
    }
    assert all(400 <= response.status_code < 500 for response in refused.values())
    assert all(response.json()["detail"] for response in refused.values())
    assert _submits(shop) == []


def test_a_large_photo_from_a_phone_is_accepted(shop: RunningShop) -> None:
    shopper = shop.shopper()
    noise = Image.effect_noise((3000, 4000), 60).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=93)
    assert 8_000_000 < len(out.getvalue()) < 15_000_000

    response = shopper.post_tryon(shop.product(GARMENT), out.getvalue(), consent="true")

    assert response.status_code == 202, response.text
    done = shopper.wait_for_status(response.json()["id"])
    assert done["status"] == "completed"
    assert max(done["photo"]["width"], done["photo"]["height"]) <= 2000


def _submits(shop: RunningShop) -> list[Entry]:
    return [entry for entry in shop.gateway.ledger.entries if entry.amount]


def _counts(shop: RunningShop) -> Counts:
    (submit,) = _submits(shop)
    assert submit.request_id
    return shop.gateway.ledger.counts(submit.request_id)


def _media_urls(shop: RunningShop) -> list[str]:
    (submit,) = _submits(shop)
    status = httpx.get(
        f"{shop.gateway.url}/v2/requests/status/{submit.request_id}",
        headers={"Ocp-Apim-Subscription-Key": "sandbox"},
    )
    return list(status.json()["output"]["media_url"])


@pytest.mark.parametrize("broker", ["database", "redis"])
def test_without_callbacks_a_try_on_completes_by_polling(broker: str, tmp_path: Path) -> None:
    env = {"VTON_WEBHOOKS": "0"}
    with ExitStack() as stack:
        if broker == "redis":
            if not is_listening(REDIS_PORT):
                pytest.skip(f"Redis does not listen on 127.0.0.1:{REDIS_PORT}")
            env["REDIS_URL"] = f"redis://127.0.0.1:{REDIS_PORT}/{stack.enter_context(redis_database())}"
        polling_shop = stack.enter_context(RunningShop(tmp_path, env=env))
        shopper = polling_shop.shopper()
        response = shopper.post_tryon(polling_shop.product(GARMENT), phone_photo(), consent="true")
        done = shopper.wait_for_status(response.json()["id"])

        assert done["status"] == "completed", polling_shop.log("workers")
        (submit,) = _submits(polling_shop)
        assert submit.callback is None
        assert _counts(polling_shop).callbacks_sent == 0
