import io
import re
from typing import Any

import pytest
from PIL import Image

from django_vton.sandbox import Gateway

from .conftest import FASHN, Client, Shop, person


def test_a_submit_is_queued(client: Client, gateway: Gateway) -> None:
    gateway.scenario(seconds=60)
    answer = client.fashn()
    body = answer.json()
    assert answer.status_code == 202
    assert re.fullmatch(r"fashn-virtual-try-on_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["request_id"])
    assert body == {
        "request_id": body["request_id"],
        "status": "QUEUED",
        "polling_url": f"{gateway.url}/v2/requests/status/{body['request_id']}",
    }
    running = client.http.get(body["polling_url"]).json()
    assert running["status"] == "QUEUED"
    assert (running["output"], running["error"], running["completed_at"]) == (None, None, None)


def test_it_passes_through_processing(client: Client, gateway: Gateway) -> None:
    gateway.scenario(seconds=0.8)
    request_id = client.fashn().json()["request_id"]
    assert client.wait(request_id, "PROCESSING")["status"] == "PROCESSING"
    assert client.wait(request_id)["status"] == "COMPLETED"


def test_the_completed_answer_has_the_documented_shape(client: Client, gateway: Gateway) -> None:
    request_id = client.fashn().json()["request_id"]
    answer = client.wait(request_id)
    assert answer["model_id"] == "fashn-virtual-try-on"
    assert answer["error"] is None
    assert answer["output"] == {
        "media_url": [f"{gateway.url}/v1/{request_id}/output.ext"],
        "media_type": "application/octet-stream",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["created_at"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", answer["completed_at"])
    assert set(answer) == {
        "request_id", "status", "model_id", "error", "output", "created_at", "updated_at", "completed_at",
    }  # fmt: skip


@pytest.mark.parametrize(("asked", "kind"), [(..., "PNG"), ("png", "PNG"), ("jpeg", "JPEG")])
def test_the_picture_has_the_format_asked_for(client: Client, asked: Any, kind: str) -> None:
    answer = client.wait(client.fashn(output_format=asked).json()["request_id"])
    media = client.http.get(answer["output"]["media_url"][0])
    assert media.headers["Content-Type"] == "application/octet-stream"
    picture = Image.open(io.BytesIO(media.content))
    assert (picture.format, picture.size) == (kind, (400, 600))


def test_every_sample_is_another_picture_and_is_charged(client: Client, gateway: Gateway) -> None:
    answer = client.wait(client.fashn(num_samples=5).json()["request_id"])
    urls = answer["output"]["media_url"]
    pictures = {Image.open(io.BytesIO(client.http.get(url).content)).tobytes() for url in urls}
    assert len(set(urls)) == len(pictures) == 5
    assert gateway.ledger.totals["amount"] == 5 * 75_000


def test_the_same_bytes_are_served_each_time(client: Client) -> None:
    url = client.wait(client.fashn().json()["request_id"])["output"]["media_url"][0]
    assert client.http.get(url).content == client.http.get(url).content


@pytest.mark.parametrize(
    ("changes", "named"),
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
def test_a_parameter_against_the_document_is_refused(
    client: Client, gateway: Gateway, changes: dict[str, Any], named: str
) -> None:
    answer = client.fashn(**changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid request parameters"
    assert named in answer.json()["message"]
    assert gateway.ledger.totals == {
        "submits": 1, "accepted": 0, "refused": 1, "amount": 0, "asks": 0, "media_fetches": 0,
        "callbacks_sent": 0, "callbacks_acknowledged": 0,
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(client: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.http.post(FASHN, content=body, headers=headers).status_code == 400


def test_another_content_type_is_refused(client: Client) -> None:
    assert client.http.post(FASHN, data={"model_image": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "it answers 404"),
        ("/moved", "it answers 302"),
        ("/short", "cut short"),
        ("/text", "not a readable image"),
        ("/a b", "a space"),
    ],
)
def test_an_image_that_cannot_be_loaded_fails_the_render(
    client: Client, gateway: Gateway, shop: Shop, path: str, reason: str
) -> None:
    shop.files["/text"] = b"not a picture"
    request_id = client.fashn(model_image=shop.url + path).json()["request_id"]
    answer = client.wait(request_id, "FAILED")
    assert answer["error"].startswith("ImageLoadError: model image")
    assert reason in answer["error"]
    assert answer["output"] is None
    assert answer["completed_at"]
    assert gateway.ledger.totals["amount"] == 75_000


def test_a_host_that_does_not_listen_fails_the_render(client: Client) -> None:
    request_id = client.fashn(garment_image="http://127.0.0.1:9/shirt.png").json()["request_id"]
    assert client.wait(request_id, "FAILED")["error"].startswith("ImageLoadError: product image")


def test_an_image_too_large_fails_the_render(client: Client, shop: Shop) -> None:
    url = shop.url_of("/large", person() + bytes(20 * 1024 * 1024))
    request_id = client.fashn(model_image=url).json()["request_id"]
    assert "more than" in client.wait(request_id, "FAILED")["error"]


@pytest.mark.parametrize("engine", ["fashn", "glass"])
def test_a_key_is_needed(client: Client, engine: str) -> None:
    client.http.headers.pop("Ocp-Apim-Subscription-Key")
    answer = getattr(client, engine)()
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid or missing authentication"})
    assert client.ask("fashn-x").status_code == client.ask("x").status_code == 401


def test_only_the_key_given_is_let_in(shop: Shop) -> None:
    with Gateway(key="right", seconds=0) as gateway:
        client = Client(gateway, shop)
        with client.http:
            assert client.fashn().status_code == 401
            client.http.headers["Ocp-Apim-Subscription-Key"] = "right"
            assert client.fashn().status_code == 202


def test_an_unknown_path_or_id_is_not_found(client: Client) -> None:
    unknown = client.http.get("/v2/requests")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "Endpoint not found"})
    assert client.http.get(FASHN).status_code == 404
    assert client.ask("fashn-virtual-try-on_0").status_code == 404
    glass_id = client.glass().json()["request_id"]
    assert client.http.get(f"/v2/requests/status/{glass_id}").status_code == 404
