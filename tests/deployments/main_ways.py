"""What shoppers and staff do in every shop, through the doors of its running processes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

from ..live_shop import phone_photo

if TYPE_CHECKING:
    from ..live_shop import ShopperClient
    from .shop import DeployedShop

TRY_ONS = "/try-on/api/try-ons/"


def check_main_ways(shop: DeployedShop) -> None:
    """Run them all, and compare the money with the gateway's ledger."""
    shopper, shirt = shop.shopper(), shop.product("linen-shirt")
    photo = _order_by_api(shopper, shirt)
    _order_by_form(shopper, shirt, photo)
    assert len(shopper.http.get(TRY_ONS).json()["results"]) == 2

    _log_in(shopper)
    assert len(shopper.http.get(TRY_ONS).json()["results"]) == 2, "the login did not merge the guest"
    _buy(shopper)
    _open_admin(shopper)
    shop.manage("vton_batch", "--product", shirt, "--on", "Mateo", "--yes")

    assert shop.check_money() == ["completed"] * 3
    kinds = "*Conversion.objects.values_list('kind', flat=True).order_by('kind')"
    silent = "TryOnRequest.objects.filter(source=None, called_back_at=None).count()"
    found = shop.run_code(f"from django_vton.models import *; print({kinds}, {silent})")
    assert found.split() == ["added", "purchased", "0"]
    shopper.start(shirt)
    assert shopper.http.delete("/try-on/api/me/").status_code == 204
    assert shopper.http.get(TRY_ONS).json()["results"] == []
    for name in ("web", "workers"):
        assert "Traceback" not in shop.log(name), shop.log(name)


def _order_by_api(shopper: ShopperClient, product: str) -> str:
    """Order with a key, repeat the order, and wait for the image. Return the id of the stored photo."""
    used = shopper.start(product)["quota"]["remaining"]
    shopper.http.headers["Idempotency-Key"] = "one key"
    fields = {"consent": "true", "keep_photo": "true"}
    first, again = (shopper.post_tryon(product, phone_photo(), **fields) for _ in range(2))
    del shopper.http.headers["Idempotency-Key"]
    assert first.status_code == 202, first.text
    assert again.json()["id"] == first.json()["id"]
    assert shopper.start(product)["quota"]["remaining"] == used - 1
    done = shopper.wait_for_status(first.json()["id"])
    assert done["status"] == "completed", done
    assert shopper.http.get(done["images"][0]["url"]).headers["Content-Type"].startswith("image/")
    return str(done["photo"]["id"])


def _order_by_form(shopper: ShopperClient, product: str, photo: str) -> None:
    """Order another render of the stored photo, on the page that needs no JavaScript."""
    url = f"/try-on/try/{product}/"
    fields = {"csrfmiddlewaretoken": _token(shopper, url), "key": str(uuid4()), "photo_id": photo}
    response = shopper.http.post(url, data=fields | {"consent": "on", "option_num_samples": "2"})
    assert response.status_code == 303, response.text
    result = response.headers["Location"]
    assert shopper.http.get(result).status_code == 200
    shopper.wait_for_status(result.rstrip("/").rpartition("/")[2])


def _log_in(shopper: ShopperClient) -> None:
    url = "/admin/login/"
    fields = {"csrfmiddlewaretoken": _token(shopper, url), "username": "admin", "password": "tests"}
    assert shopper.http.post(url, data=fields | {"next": "/admin/"}).status_code == 302


def _buy(shopper: ShopperClient) -> None:
    page = "/products/linen-shirt/"
    fields = {"csrfmiddlewaretoken": _token(shopper, page), "size": "M"}
    assert shopper.http.post(f"{page}add/", data=fields).status_code == 302
    assert shopper.http.post("/checkout/", data=fields).status_code == 302


def _open_admin(shopper: ShopperClient) -> None:
    pages = set(re.findall(r'href="(/admin/vton/[^"?]*)"', shopper.http.get("/admin/").text))
    assert pages
    for page in pages:
        response = shopper.http.get(page, follow_redirects=True)
        assert response.status_code == 200, (page, response.text)


def _token(shopper: ShopperClient, url: str) -> str:
    response = shopper.http.get(url)
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', response.text)
    assert found, response.text
    return found[1]
