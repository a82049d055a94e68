import io
from typing import Any

import httpx
import pytest
from PIL import Image

from django_vton.sandbox import Gateway

from .conftest import CLOTHING_VTON, GLASS_RESULT, IDM_VTON, Client

ENGINES = {"idm-vton": (IDM_VTON, "job_set_id", 50_000), "clothing-vton": (CLOTHING_VTON, "job_id", 100_000)}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_submit_is_answered_with_the_result_when_the_render_has_ended(
    client: Client, gateway: Gateway, engine: str
) -> None:
    path, id_name, price = ENGINES[engine]
    gateway.scenario(engine=engine, seconds=0.4)
    response = client.garment(path)
    body = response.json()
    assert response.status_code == 200
    assert response.elapsed.total_seconds() >= 0.4
    assert set(body) == {"result_url", "status", id_name, "processing_time"}
    assert body["status"] == "completed"
    assert body["processing_time"] >= 0.4
    assert Image.open(io.BytesIO(client.http.get(body["result_url"]).content)).format == "PNG"
    (entry,) = gateway.ledger.entries
    assert (entry.engine, entry.state, entry.amount) == (engine, "completed", price)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_scenario_answers_before_the_render_has_ended(
    client: Client, gateway: Gateway, engine: str
) -> None:
    path, id_name, _price = ENGINES[engine]
    gateway.scenario(submit="queued", seconds=0.3)
    body = client.garment(path).json()
    assert body == {id_name: body[id_name], "status": "queued"}
    assert gateway.ledger.wait_for(lambda ledger: ledger.entries[0].state == "completed")
    done = client.http.get(f"/v2/requests/status/{body[id_name]}").json()
    assert (done[id_name], done["status"]) == (body[id_name], "completed")
    assert client.http.get(done["result_url"]).is_success


def test_a_render_is_polled_at_the_endpoint_of_its_engine(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit="queued", seconds=60)
    request_id = client.garment().json()["job_set_id"]
    assert client.http.get(f"/v2/requests/status/{request_id}").status_code == 200
    assert client.http.post(GLASS_RESULT, json={"request_id": request_id}).status_code == 404


def test_a_failed_render_has_an_error(client: Client, gateway: Gateway) -> None:
    gateway.scenario(outcome="FAILED", error="No person found")
    body = client.garment().json()
    assert (body["status"], body["error"]) == ("failed", "No person found")
    assert "result_url" not in body


def test_a_scenario_removes_the_id(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit="no_id")
    assert set(client.garment().json()) == {"result_url", "status", "processing_time"}


def test_a_client_that_does_not_wait_is_charged(client: Client, gateway: Gateway) -> None:
    gateway.scenario(seconds=0.5)
    client.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        client.garment()
    assert gateway.ledger.wait_for(lambda ledger: ledger.entries[0].state == "completed")
    assert gateway.ledger.totals["amount"] == 50_000


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        *((IDM_VTON, {name: ...}, name) for name in ("garm_img", "human_img", "garment_des", "category")),
        (IDM_VTON, {"garment_des": ""}, "garment_des"),
        (IDM_VTON, {"category": "shoes"}, "category"),
        (IDM_VTON, {"steps": 30}, "steps"),
        (IDM_VTON, {"human_img": "http://127.0.0.1:9/person.jpg"}, "model image could not be fetched"),
        (CLOTHING_VTON, {"crop": "true"}, "crop"),
        (CLOTHING_VTON, {"force_dc": 1}, "force_dc"),
        (CLOTHING_VTON, {"mask_only": None}, "mask_only"),
        (CLOTHING_VTON, {"seed": -1}, "seed"),
        (CLOTHING_VTON, {"steps": 0}, "steps"),
        (CLOTHING_VTON, {"steps": True}, "steps"),
    ],
)
def test_invalid_parameters_are_refused_and_not_charged(
    client: Client, gateway: Gateway, path: str, changes: dict[str, Any], expected: str
) -> None:
    response = client.garment(path, **changes)
    assert response.status_code == 400
    assert expected in response.json()["message"]
    assert gateway.ledger.totals["amount"] == 0


def test_clothing_vton_has_more_parameters(client: Client) -> None:
    more = {"crop": True, "seed": 0, "steps": 20, "force_dc": False, "mask_only": False}
    assert client.garment(CLOTHING_VTON, category="dresses", **more).status_code == 200
