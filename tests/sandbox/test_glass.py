import base64
import io
from typing import Any

import pytest
from PIL import Image

from django_vton.sandbox import Gateway

from .conftest import GLASS, GLASS_RESULT, Client, Shop, encode, person, shirt


def raw(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_submit_is_submitted_and_completes(client: Client, gateway: Gateway) -> None:
    gateway.scenario(seconds=0.5)
    answer = client.glass()
    request_id = answer.json()["request_id"]
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "request_id": request_id,
        "status": "submitted",
        "message": "Request submitted",
    }
    assert client.ask(request_id).json() == {"request_id": request_id, "status": "submitted"}
    done = client.wait(request_id)
    media = client.http.get(done["image_url"])
    assert done == {
        "request_id": request_id,
        "status": "completed",
        "image_url": f"{gateway.url}/v1/{request_id}/image.jpg",
        "content_type": "image/jpeg",
        "file_size": len(media.content),
    }
    assert media.headers["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(media.content)).format == "JPEG"


def test_png_is_to_be_had(client: Client) -> None:
    done = client.wait(client.glass(output_format="png").json()["request_id"])
    assert done["content_type"] == "image/png"
    assert Image.open(io.BytesIO(client.http.get(done["image_url"]).content)).format == "PNG"


def test_base64_gives_the_same_picture_as_urls(client: Client) -> None:
    by_url = client.wait(client.glass(output_format="png").json()["request_id"])
    submit = client.glass(model_image_path=raw(person()), glass_image_path=raw(shirt()), output_format="png")
    inline = client.wait(submit.json()["request_id"])
    assert client.http.get(by_url["image_url"]).content == client.http.get(inline["image_url"]).content


def test_the_ledger_keeps_no_base64(client: Client, gateway: Gateway) -> None:
    photo = raw(person())
    client.glass(model_image_path=photo, glass_image_path=None)
    body = gateway.ledger.entries[0].body
    assert body["model_image_path"] == f"({len(photo)} characters)"
    assert photo[:40] not in client.http.get("/_sandbox/ledger").text


@pytest.mark.parametrize("product", [None, ...])
def test_the_product_is_optional(client: Client, product: Any) -> None:
    assert client.wait(client.glass(glass_image_path=product).json()["request_id"])["status"] == "completed"


def test_every_image_ordered_is_charged(client: Client, gateway: Gateway) -> None:
    assert client.glass(num_images=2.0).status_code == 200
    assert gateway.ledger.totals["amount"] == 600_000


def small() -> bytes:
    return encode(Image.new("RGB", (299, 400)))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_image_path": ...}, "model_image_path"),
        ({"model_image_path": ""}, "model_image_path"),
        ({"model_image_path": raw(person())}, "same encoding"),
        ({"glass_image_path": raw(shirt())}, "same encoding"),
        ({"glass_image_path": 3}, "glass_image_path"),
        ({"glass_image_path": None, "model_image_path": "data:image/png;base64,aGVsbG8="}, "Base64"),
        ({"glass_image_path": None, "model_image_path": "not base64!"}, "Base64"),
        ({"glass_image_path": None, "model_image_path": raw(b"not an image")}, "not a readable image"),
        ({"glass_image_path": None, "model_image_path": raw(person()) + "\n"}, "Base64"),
        ({"glass_image_path": None, "model_image_path": raw(small())}, "300x300"),
        ({"glass_image_path": None, "model_image_path": raw(person() + bytes(10 * 1024**2))}, "larger"),
        (
            {"glass_image_path": None, "model_image_path": raw(encode(Image.new("RGB", (300, 300)), "GIF"))},
            "not a readable image",
        ),
        ({"glass_image_path": "http://127.0.0.1:9/glasses.png"}, "product image could not be fetched"),
        ({"num_images": 0}, "num_images"),
        ({"num_images": 1.5}, "num_images"),
        ({"num_images": "1"}, "num_images"),
        ({"num_images": True}, "num_images"),
        ({"output_format": "webp"}, "output_format"),
        ({"category": "top"}, "category"),
    ],
)
def test_what_the_document_forbids_is_refused(
    client: Client, gateway: Gateway, changes: dict[str, Any], named: str
) -> None:
    answer = client.glass(**changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid request parameters"
    assert named in answer.json()["message"]
    assert gateway.ledger.totals["amount"] == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(client: Client, shop: Shop, number: str) -> None:
    body = f'{{"model_image_path": "{shop.url}/person.jpg", "num_images": {number}}}'
    answer = client.http.post(GLASS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_the_smallest_allowed_image_is_taken(client: Client) -> None:
    smallest = raw(encode(Image.new("RGB", (300, 300))))
    assert client.glass(model_image_path=smallest, glass_image_path=None).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"request_id": 1}, 400), ({"request_id": "x"}, 404)]
)
def test_asking_for_nothing_known(client: Client, body: dict[str, Any], status: int) -> None:
    assert client.http.post(GLASS_RESULT, json=body).status_code == status
