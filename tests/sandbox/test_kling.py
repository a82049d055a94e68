import base64
import json
from typing import Any

import pytest

from django_vton.sandbox import Gateway

from .conftest import KLING_STATUS, Client, Shop, person


def test_a_render_is_submitted_and_polled(client: Client, gateway: Gateway) -> None:
    gateway.scenario(engine="kling", seconds=0.5)
    response = client.kling()
    task_id = response.json()["data"]["task_id"]
    assert response.status_code == 200
    assert response.json() == {"code": 0, "data": {"task_id": task_id}}
    running = {"code": 0, "data": {"task_id": task_id, "task_status": "submitted"}}
    assert client.poll(task_id).json() == running
    done = client.wait(task_id, "SUCCEED")
    (image,) = done["data"]["task_result"]["images"]
    assert done == {
        "code": 0,
        "data": {"task_id": task_id, "task_status": "succeed", "task_result": {"images": [image]}},
    }
    assert client.http.get(image["url"]).is_success
    assert gateway.ledger.totals["amount"] == 100_000


def test_images_can_be_bare_base64(client: Client) -> None:
    photo = base64.b64encode(person()).decode()
    task_id = client.kling(human_image=photo).json()["data"]["task_id"]
    assert client.wait(task_id, "SUCCEED")["code"] == 0


def test_the_callback_goes_to_the_url_in_the_body(client: Client, gateway: Gateway, shop: Shop) -> None:
    task_id = client.kling(callback_url=f"{shop.url}/callback").json()["data"]["task_id"]
    path, _headers, body = shop.callbacks.get(timeout=10)
    data = json.loads(body)["data"]
    assert (path, data["task_id"], data["task_status"]) == ("/callback", task_id, "succeed")
    assert gateway.ledger.entries[0].callback == {
        "host": shop.url.removeprefix("http://"),
        "has_path": True,
        "mode": "terminal",
    }


def test_a_scenario_refuses_with_a_code_in_a_200(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit_code=1102, submit_error="Account balance not enough")
    response = client.kling()
    assert (response.status_code, response.json()) == (
        200,
        {"code": 1102, "message": "Account balance not enough"},
    )
    (entry,) = gateway.ledger.entries
    assert (entry.outcome, entry.answer, entry.amount, entry.request_id) == ("refused", 200, 0, None)
    assert client.kling().json()["code"] == 0


def test_a_submit_can_be_accepted_in_spite_of_a_code(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit_code=5000, accepted=True)
    assert client.kling().json()["code"] == 5000
    assert (gateway.ledger.entries[0].outcome, gateway.ledger.totals["amount"]) == ("accepted", 100_000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"human_image": ...}, "human_image"),
        ({"cloth_image": ""}, "cloth_image"),
        ({"category": "top"}, "category"),
        ({"callback_url": "http://shop.example/callback"}, "callback_url"),
        ({"callback_url": "no URL"}, "callback_url"),
        ({"callback_url": ["https://shop.example/"]}, "callback_url"),
    ],
)
def test_invalid_parameters_are_refused_with_a_code(
    client: Client, gateway: Gateway, changes: dict[str, Any], expected: str
) -> None:
    response = client.kling(**changes)
    assert response.status_code == 200
    assert response.json()["code"] == 400
    assert expected in response.json()["message"]
    assert gateway.ledger.totals["amount"] == 0


@pytest.mark.parametrize(("body", "code"), [({}, 400), ({"task_id": 1}, 400), ({"task_id": "x"}, 404)])
def test_polls_without_a_known_id_are_refused(client: Client, body: dict[str, Any], code: int) -> None:
    response = client.http.post(KLING_STATUS, json=body)
    assert (response.status_code, response.json()["code"]) == (200, code)


def test_a_wrong_key_is_refused_by_the_gateway_itself(shop: Shop) -> None:
    with Gateway(key="right") as gateway:
        client = Client(gateway, shop)
        with client.http:
            assert client.kling().status_code == 401
            assert client.http.post(KLING_STATUS, json={"task_id": "x"}).status_code == 401


def test_a_failed_render_has_a_message(client: Client, gateway: Gateway) -> None:
    gateway.scenario(outcome="FAILED", error="No person found")
    failed = client.wait(client.kling().json()["data"]["task_id"], "FAILED")
    assert (failed["data"]["task_status"], failed["data"]["task_status_msg"]) == ("failed", "No person found")


@pytest.mark.parametrize(("submit", "has_id"), [("no_id", False), ("terminal", True)])
def test_a_scenario_changes_the_answer_to_a_submit(
    client: Client, gateway: Gateway, submit: str, has_id: bool
) -> None:
    gateway.scenario(submit=submit)
    body = client.kling().json()
    assert ("task_id" in body["data"]) is has_id
    assert ("task_result" in body["data"]) is has_id
