import io
import re
from typing import Any

import pytest
from PIL import Image

from django_vton.sandbox import Gateway

from .conftest import FASHN, Client, Shop, person


def test_a_submit_is_accepted_with_the_status_queued(client: Client, gateway: Gateway) -> None:
    gateway.scenario(seconds=60)
    response = client.fashn()
    body = response.json()
    assert response.status_code == 202
    assert re.fullmatch(r"fashn-virtual-try-on_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["request_id"])
    assert body == {
        "request_id": body["request_id"],
        "status": "QUEUED",
        "polling_url": f"{gateway.url}/v2/requests/status/{body['request_id']}",
    }
    poll = client.http.get(body["polling_url"]).json()
    assert poll["status"] == "QUEUED"
    assert (poll["output"], poll["error"], poll["completed_at"]) == (None, None, None)


def test_a_render_is_processing_before_it_completes(client: Client, gateway: Gateway) -> None:
    gateway.scenario(seconds=0.8)
    request_id = client.fashn().json()["request_id"]
    assert client.wait(request_id, "PROCESSING")["status"] == "PROCESSING"
    assert client.wait(request_id)["status"] == "COMPLETED"


def test_the_response_for_a_completed_render_is_as_documented(client: Client, gateway: Gateway) -> None:
    request_id = client.fashn().json()["request_id"]
    response = client.wait(request_id)
    assert response["model_id"] == "fashn-virtual-try-on"
    assert response["error"] is None
    assert response["output"] == {
        "media_url": [f"{gateway.url}/v1/{request_id}/output.ext"],
        "media_type": "application/octet-stream",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", response["created_at"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", response["completed_at"])
    assert set(response) == {
        "request_id", "status", "model_id", "error", "output", "created_at", "updated_at", "completed_at",
    }  # fmt: skip


@pytest.mark.parametrize(("output_format", "expected"), [(..., "PNG"), ("png", "PNG"), ("jpeg", "JPEG")])
def test_the_result_has_the_ordered_format(client: Client, output_format: Any, expected: str) -> None:
    response = client.wait(client.fashn(output_format=output_format).json()["request_id"])
    media = client.http.get(response["output"]["media_url"][0])
    assert media.headers["Content-Type"] == "application/octet-stream"
    result = Image.open(io.BytesIO(media.content))
    assert (result.format, result.size) == (expected, (400, 600))


def test_every_sample_is_different_and_charged(client: Client, gateway: Gateway) -> None:
    response = client.wait(client.fashn(num_samples=5).json()["request_id"])
    urls = response["output"]["media_url"]
    results = {Image.open(io.BytesIO(client.http.get(url).content)).tobytes() for url in urls}
    assert len(set(urls)) == len(results) == 5
    assert gateway.ledger.totals["amount"] == 5 * 75_000


def test_every_download_of_a_result_is_identical(client: Client) -> None:
    url = client.wait(client.fashn().json()["request_id"])["output"]["media_url"][0]
    assert client.http.get(url).content == client.http.get(url).content


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model_image": ...}, "model_image"),
        ({"garment_image": ...}, "garment_image"),
        ({"model_image": 7}, "model_image"),
        ({"model_image": "aGVsbG8="}, "HTTP"),
        ({"garment_image": "data:image/png;base64,aGVsbG8="}, "HTTP"),
        ({"category": "tops"}, "category"),
        ({"mode": None}, "mode"),
        ({"garment_photo_type": "flat-lay"}, "garment_photo_type"),
        ({"moderation_level": "none"}, "moderation_level"),
        ({"output_format": "webp"}, "output_format"),
        ({"output_format": ["png"]}, "output_format"),
        ({"num_samples": 0}, "num_samples"),
        ({"num_samples": 6}, "num_samples"),
        ({"num_samples": "1"}, "num_samples"),
        ({"num_samples": True}, "num_samples"),
        ({"num_samples": 1.0}, "num_samples"),
        ({"segmentation_free": "true"}, "segmentation_free"),
        ({"seed": 1}, "seed"),
    ],
)
def test_invalid_parameters_are_refused_and_not_charged(
    client: Client, gateway: Gateway, changes: dict[str, Any], expected: str
) -> None:
    response = client.fashn(**changes)
    assert response.status_code == 400
    assert response.json()["error"] == "Invalid request parameters"
    assert expected in response.json()["message"]
    assert gateway.ledger.totals == {
        "submits": 1, "accepted": 0, "refused": 1, "amount": 0, "asks": 0, "media_fetches": 0,
        "callbacks_sent": 0, "callbacks_acknowledged": 0,
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_a_json_object_is_refused(client: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.http.post(FASHN, content=body, headers=headers).status_code == 400


def test_a_form_is_refused(client: Client) -> None:
    assert client.http.post(FASHN, data={"model_image": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "HTTP status 404"),
        ("/moved", "HTTP status 302"),
        ("/short", "without sending complete message body"),
        ("/text", "not a readable image"),
        ("/a b", "a space"),
    ],
)
def test_a_render_fails_if_an_image_cannot_be_loaded(
    client: Client, gateway: Gateway, shop: Shop, path: str, reason: str
) -> None:
    shop.files["/text"] = b"not an image"
    request_id = client.fashn(model_image=shop.url + path).json()["request_id"]
    response = client.wait(request_id, "FAILED")
    assert response["error"].startswith("ImageLoadError: model image")
    assert reason in response["error"]
    assert response["output"] is None
    assert response["completed_at"]
    assert gateway.ledger.totals["amount"] == 75_000


def test_a_render_fails_if_the_image_server_is_down(client: Client) -> None:
    request_id = client.fashn(garment_image="http://127.0.0.1:9/shirt.png").json()["request_id"]
    assert client.wait(request_id, "FAILED")["error"].startswith("ImageLoadError: product image")


def test_a_render_fails_if_an_image_is_too_large(client: Client, shop: Shop) -> None:
    url = shop.url_of("/large", person() + bytes(20 * 1024 * 1024))
    request_id = client.fashn(model_image=url).json()["request_id"]
    assert "more than" in client.wait(request_id, "FAILED")["error"]


@pytest.mark.parametrize("engine", ["fashn", "glass"])
def test_requests_without_a_key_are_refused(client: Client, engine: str) -> None:
    client.http.headers.pop("Ocp-Apim-Subscription-Key")
    response = getattr(client, engine)()
    assert (response.status_code, response.json()) == (401, {"error": "Invalid or missing authentication"})
    assert client.poll("fashn-x").status_code == client.poll("x").status_code == 401


def test_only_the_configured_key_is_valid(shop: Shop) -> None:
    with Gateway(key="right", seconds=0) as gateway:
        client = Client(gateway, shop)
        with client.http:
            assert client.fashn().status_code == 401
            client.http.headers["Ocp-Apim-Subscription-Key"] = "right"
            assert client.fashn().status_code == 202


def test_unknown_paths_and_ids_give_404(client: Client) -> None:
    response = client.http.get("/v2/requests")
    assert (response.status_code, response.json()) == (404, {"error": "Endpoint not found"})
    assert client.http.get(FASHN).status_code == 404
    assert client.poll("fashn-virtual-try-on_0").status_code == 404
    glass_id = client.glass().json()["request_id"]
    assert client.http.get(f"/v2/requests/status/{glass_id}").status_code == 404
