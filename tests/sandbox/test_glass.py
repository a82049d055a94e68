import base64
import io
from typing import Any

import pytest
from PIL import Image

from django_vton.sandbox import Gateway

from .conftest import GLASS, GLASS_RESULT, Client, Shop, encode, person, shirt


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_render_is_submitted_and_completes_as_documented(client: Client, gateway: Gateway) -> None:
    gateway.scenario(seconds=0.5)
    response = client.glass()
    request_id = response.json()["request_id"]
    assert response.status_code == 200
    assert response.json() == {
        "success": True,
        "request_id": request_id,
        "status": "submitted",
        "message": "Request submitted",
    }
    assert client.poll(request_id).json() == {"request_id": request_id, "status": "submitted"}
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


def test_the_result_can_be_a_png(client: Client) -> None:
    done = client.wait(client.glass(output_format="png").json()["request_id"])
    assert done["content_type"] == "image/png"
    assert Image.open(io.BytesIO(client.http.get(done["image_url"]).content)).format == "PNG"


def test_base64_and_urls_give_the_same_result(client: Client) -> None:
    by_url = client.wait(client.glass(output_format="png").json()["request_id"])
    submit = client.glass(model_image_path=b64(person()), glass_image_path=b64(shirt()), output_format="png")
    by_base64 = client.wait(submit.json()["request_id"])
    assert client.http.get(by_url["image_url"]).content == client.http.get(by_base64["image_url"]).content


def test_the_ledger_contains_no_base64(client: Client, gateway: Gateway) -> None:
    photo = b64(person())
    client.glass(model_image_path=photo, glass_image_path=None)
    body = gateway.ledger.entries[0].body
    assert body["model_image_path"] == f"({len(photo)} characters)"
    assert photo[:40] not in client.http.get("/_sandbox/ledger").text


@pytest.mark.parametrize("product", [None, ...])
def test_a_product_image_is_not_required(client: Client, product: Any) -> None:
    assert client.wait(client.glass(glass_image_path=product).json()["request_id"])["status"] == "completed"


def test_every_ordered_image_is_charged(client: Client, gateway: Gateway) -> None:
    assert client.glass(num_images=2.0).status_code == 200
    assert gateway.ledger.totals["amount"] == 600_000


def too_small() -> bytes:
    return encode(Image.new("RGB", (299, 400)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model_image_path": ...}, "model_image_path"),
        ({"model_image_path": ""}, "model_image_path"),
        ({"model_image_path": b64(person())}, "same encoding"),
        ({"glass_image_path": b64(shirt())}, "same encoding"),
        ({"glass_image_path": 3}, "glass_image_path"),
        ({"glass_image_path": None, "model_image_path": "data:image/png;base64,aGVsbG8="}, "Base64"),
        ({"glass_image_path": None, "model_image_path": "not base64!"}, "Base64"),
        ({"glass_image_path": None, "model_image_path": b64(b"not an image")}, "not a readable image"),
        ({"glass_image_path": None, "model_image_path": b64(person()) + "\n"}, "Base64"),
        ({"glass_image_path": None, "model_image_path": b64(too_small())}, "300x300"),
        ({"glass_image_path": None, "model_image_path": b64(person() + bytes(10 * 1024**2))}, "larger"),
        (
            {"glass_image_path": None, "model_image_path": b64(encode(Image.new("RGB", (300, 300)), "GIF"))},
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
def test_invalid_parameters_are_refused_and_not_charged(
    client: Client, gateway: Gateway, changes: dict[str, Any], expected: str
) -> None:
    response = client.glass(**changes)
    assert response.status_code == 400
    assert response.json()["error"] == "Invalid request parameters"
    assert expected in response.json()["message"]
    assert gateway.ledger.totals["amount"] == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_nan_and_infinity_are_refused(client: Client, shop: Shop, number: str) -> None:
    body = f'{{"model_image_path": "{shop.url}/person.jpg", "num_images": {number}}}'
    response = client.http.post(GLASS, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400


def test_an_image_of_the_minimum_size_is_accepted(client: Client) -> None:
    smallest = b64(encode(Image.new("RGB", (300, 300))))
    assert client.glass(model_image_path=smallest, glass_image_path=None).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"request_id": 1}, 400), ({"request_id": "x"}, 404)]
)
def test_polls_without_a_known_id_are_refused(client: Client, body: dict[str, Any], status: int) -> None:
    assert client.http.post(GLASS_RESULT, json=body).status_code == status
