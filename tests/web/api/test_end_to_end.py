"""A try-on from the photo to the image, over real sockets: the shop, a dispatcher and the sandbox gateway."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from django_vton.models import Attempt, VendorLink
from django_vton.models.states import Money
from django_vton.worker import dispatcher
from tests.tryons import TRY_ONS, product_ref

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("product", "engine", "size", "amount"),
    [("shirt", "fashn-v1.6", 2, 150_000), ("glasses", "glass-v1", 1, 300_000)],
)
def test_a_photo_becomes_an_image_over_real_sockets(
    request: pytest.FixtureRequest,
    live_server: LiveServer,
    gateway: Gateway,
    vton: Vton,
    phone_photo: PhotoMaker,
    product: str,
    engine: str,
    size: int,
    amount: int,
) -> None:
    vton(PUBLIC_BASE_URL=live_server.url)
    item: Product = request.getfixturevalue(product)
    options = '{"num_samples": 2}' if size > 1 else "{}"
    with httpx.Client(base_url=live_server.url, trust_env=False) as shopper:
        token = shopper.get("/try-on/api/start/", params={"product": product_ref(item)}).json()["csrf_token"]
        answer = shopper.post(
            TRY_ONS,
            data={"product": product_ref(item), "consent": "true", "options": options},
            files={"photo": ("me.jpg", phone_photo(), "image/jpeg")},
            headers={"X-CSRFToken": token},
        )
        assert answer.status_code == 202, answer.text

        dispatcher.drain()

        body = shopper.get(answer.headers["Location"]).json()
        assert (body["status"], body["engine"], body["error"]) == ("completed", engine, None)
        assert len(body["images"]) == size
        for image in body["images"]:
            picture = shopper.get(image["url"])
            assert picture.headers["Content-Type"] == image["content_type"]
            assert Image.open(io.BytesIO(picture.content)).size == (image["width"], image["height"])
            assert Image.open(io.BytesIO(shopper.get(image["thumbnail_url"]).content)).format == "JPEG"
            assert httpx.get(live_server.url + image["url"], trust_env=False).status_code == 404
    (submit,) = gateway.ledger.entries
    assert submit.amount == amount
    assert (Attempt.objects.get().money, Attempt.objects.get().amount) == (Money.SPENT, amount)
    assert not VendorLink.objects.exists()
    if engine == "fashn-v1.6":
        assert submit.request_id
        assert gateway.ledger.wait_for(
            lambda it: it.counts(submit.request_id or "").callbacks_acknowledged == 1
        )
