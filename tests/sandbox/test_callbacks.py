import json

import pytest

from django_vton.sandbox import Gateway

from .conftest import Client, Shop


def test_callbacks_and_polls_have_the_same_body(client: Client, shop: Shop, gateway: Gateway) -> None:
    request_id = client.fashn({"X-Webhook-URL": f"{shop.url}/hook/secret"}).json()["request_id"]
    path, headers, body = shop.callbacks.get(timeout=5)
    assert path == "/hook/secret"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == client.poll(request_id).json()
    assert json.loads(body)["status"] == "COMPLETED"
    assert gateway.ledger.wait_for(lambda ledger: ledger.counts(request_id).callbacks_acknowledged == 1)
    assert gateway.ledger.counts(request_id).callbacks_sent == 1
    assert gateway.ledger.entries[0].callback == {
        "host": shop.url.removeprefix("http://"),
        "has_path": True,
        "mode": "terminal",
    }
    assert "secret" not in client.http.get("/_sandbox/ledger").text


@pytest.mark.parametrize("outcome", ["FAILED", "ERROR"])
def test_a_failed_render_sends_a_callback(client: Client, shop: Shop, gateway: Gateway, outcome: str) -> None:
    gateway.scenario(outcome=outcome)
    client.fashn({"X-Webhook-URL": shop.url})
    body = json.loads(shop.callbacks.get(timeout=5)[2])
    assert (body["status"], body["output"]) == (outcome, None)
    assert body["error"]


def test_in_sync_mode_callbacks_are_sent_before_the_end_too(client: Client, shop: Shop) -> None:
    client.fashn({"X-Webhook-URL": shop.url, "X-Webhook-Mode": "sync"})
    statuses = [json.loads(shop.callbacks.get(timeout=5)[2])["status"] for _ in range(2)]
    assert statuses == ["PROCESSING", "COMPLETED"]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hook",
        "ftp://127.0.0.1/",
        "127.0.0.1:80",
        "http://",
        "https://[",
        "http://10.0.0.1/",
    ],
)
def test_callback_urls_without_https_are_refused(client: Client, gateway: Gateway, url: str) -> None:
    response = client.fashn({"X-Webhook-URL": url})
    assert response.status_code == 400
    assert "HTTPS" in response.json()["message"]
    assert gateway.ledger.totals["amount"] == 0


@pytest.mark.parametrize("url", ["https://shop.example/hook", "http://localhost:9/", "http://[::1]:9/"])
def test_https_and_loopback_callback_urls_are_accepted(client: Client, gateway: Gateway, url: str) -> None:
    gateway.scenario(seconds=60)
    assert client.fashn({"X-Webhook-URL": url}).status_code == 202


def test_an_unknown_callback_mode_is_refused(client: Client, shop: Shop) -> None:
    response = client.fashn({"X-Webhook-URL": shop.url, "X-Webhook-Mode": "always"})
    assert response.status_code == 400


def test_callbacks_are_sent_again_until_2xx(client: Client, shop: Shop, gateway: Gateway) -> None:
    shop.callback_statuses = [500, 302]
    request_id = client.fashn({"X-Webhook-URL": shop.url}).json()["request_id"]
    assert gateway.ledger.wait_for(lambda ledger: ledger.counts(request_id).callbacks_acknowledged)
    assert gateway.ledger.counts(request_id).callbacks_sent == 3
    assert shop.callbacks.qsize() == 3


def test_a_callback_is_sent_at_most_four_times(client: Client, shop: Shop, gateway: Gateway) -> None:
    shop.callback_statuses = [500] * 4
    first = client.fashn({"X-Webhook-URL": shop.url}).json()["request_id"]
    for _ in range(4):
        shop.callbacks.get(timeout=5)
    second = client.fashn({"X-Webhook-URL": shop.url}).json()["request_id"]
    assert json.loads(shop.callbacks.get(timeout=5)[2])["request_id"] == second
    assert gateway.ledger.counts(first).callbacks_acknowledged == 0


def test_a_render_completes_if_the_callback_cannot_be_sent(client: Client) -> None:
    request_id = client.fashn({"X-Webhook-URL": "http://127.0.0.1:9/"}).json()["request_id"]
    assert client.wait(request_id)["status"] == "COMPLETED"


def test_a_scenario_sends_duplicate_callbacks(client: Client, shop: Shop, gateway: Gateway) -> None:
    gateway.scenario(callbacks=3)
    client.fashn({"X-Webhook-URL": shop.url})
    bodies = {shop.callbacks.get(timeout=5)[2] for _ in range(3)}
    assert len(bodies) == 1


def test_a_scenario_sends_no_callback(client: Client, shop: Shop, gateway: Gateway) -> None:
    gateway.scenario(callbacks=0)
    first = client.fashn({"X-Webhook-URL": shop.url, "X-Webhook-Mode": "sync"}).json()["request_id"]
    client.wait(first)
    second = client.fashn({"X-Webhook-URL": shop.url}).json()["request_id"]
    assert json.loads(shop.callbacks.get(timeout=5)[2])["request_id"] == second
    assert gateway.ledger.counts(first).callbacks_sent == 0


def test_a_scenario_delays_the_callback(client: Client, shop: Shop, gateway: Gateway) -> None:
    gateway.scenario(callback_seconds=0.5, seconds=0)
    gateway.scenario(seconds=0)
    late, prompt = (client.fashn({"X-Webhook-URL": shop.url}).json()["request_id"] for _ in range(2))
    called = [json.loads(shop.callbacks.get(timeout=5)[2])["request_id"] for _ in range(2)]
    assert called == [prompt, late]


@pytest.mark.parametrize("submit", ["", "no_id"])
def test_a_scenario_sends_the_callback_early(
    client: Client, shop: Shop, gateway: Gateway, submit: str
) -> None:
    gateway.scenario(callback_early=True, submit=submit)
    response = client.fashn({"X-Webhook-URL": shop.url})
    body = json.loads(shop.callbacks.get_nowait()[2])
    assert (response.status_code, response.json()["status"]) == (202, "QUEUED")
    assert body["status"] == "COMPLETED"
    assert body["request_id"] == gateway.ledger.entries[0].request_id


def test_a_scenario_sends_a_callback_with_another_body(client: Client, shop: Shop, gateway: Gateway) -> None:
    gateway.scenario(callback_body="<xml/>")
    client.fashn({"X-Webhook-URL": shop.url})
    assert shop.callbacks.get(timeout=5)[2] == b"<xml/>"


def test_glass_ignores_the_callback_headers(client: Client, shop: Shop) -> None:
    client.http.headers["X-Webhook-URL"] = f"{shop.url}/glass"
    client.wait(client.glass().json()["request_id"])
    client.http.headers["X-Webhook-URL"] = f"{shop.url}/fashn"
    client.fashn()
    assert shop.callbacks.get(timeout=5)[0] == "/fashn"
