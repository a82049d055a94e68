import asyncio
import gc
import logging
import subprocess
import sys
import threading

import httpx
import pytest

from django_vton.sandbox import Gateway

from .conftest import FASHN, Client, Shop


def test_the_sandbox_imports_neither_django_nor_the_rest_of_the_package() -> None:
    code = """
import sys, django_vton.sandbox
names = [n for n in sys.modules if n.split(".")[0] in {"django", "rest_framework", "django_q"}]
names += [n for n in sys.modules if n.startswith("django_vton.") and not n.startswith("django_vton.sandbox")]
sys.exit(repr(names) if names else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


async def test_two_hundred_renders_run_at_once_with_few_threads(shop: Shop) -> None:
    with Gateway(seconds=1) as gateway:
        before = threading.active_count()
        body = {"model_image": f"{shop.url}/person.jpg", "garment_image": f"{shop.url}/shirt.png"}
        async with httpx.AsyncClient(
            base_url=gateway.url, headers={"Ocp-Apim-Subscription-Key": "k"}, trust_env=False, timeout=30
        ) as http:
            responses = await asyncio.gather(*(http.post(FASHN, json=body) for _ in range(200)))
            threads = threading.active_count() - before
            assert {response.status_code for response in responses} == {202}
            assert threads < 100
            completed = await asyncio.to_thread(
                gateway.ledger.wait_for,
                lambda ledger: all(e.state == "COMPLETED" for e in ledger.entries),
                60,
            )
            assert completed
        totals = gateway.ledger.totals
    assert (totals["accepted"], totals["amount"]) == (200, 200 * 75_000)


def test_the_ledger_is_served_as_json(client: Client, gateway: Gateway) -> None:
    request_id = client.fashn().json()["request_id"]
    url = client.wait(request_id)["output"]["media_url"][0]
    client.http.get(url)
    ledger = client.http.get("/_sandbox/ledger").json()
    assert ledger == gateway.ledger.as_dict()
    assert ledger["submits"][0]["body"]["model_image"].endswith("/person.jpg")
    assert ledger["counts"][request_id] == {
        "asks": 1,
        "media_fetches": 1,
        "callbacks_sent": 0,
        "callbacks_acknowledged": 0,
    }
    assert ledger["totals"]["amount"] == 75_000
    assert "sandbox" not in str(ledger), "contains the key"


@pytest.mark.parametrize("over_http", [True, False])
def test_reset_removes_all_data(client: Client, gateway: Gateway, over_http: bool) -> None:
    gateway.scenario(submit_status=500, every=2, times=None)
    gateway.scenario(seconds=60)
    request_id = client.fashn().json()["request_id"]
    if over_http:
        assert client.http.post("/_sandbox/reset").is_success
    else:
        gateway.reset()
    assert gateway.ledger.as_dict()["submits"] == []
    assert client.poll(request_id).status_code == 404
    assert [client.fashn().status_code for _ in range(2)] == [202, 202]


def test_the_status_page_escapes_its_values(client: Client, gateway: Gateway) -> None:
    gateway.scenario(outcome="<script>", seconds=0)
    client.wait(client.fashn().json()["request_id"], "<SCRIPT>")
    page = client.http.get("/_sandbox/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Renders accepted: 1." in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text


def test_connections_are_reused(client: Client) -> None:
    logging.getLogger("httpcore").setLevel(logging.INFO)
    for _ in range(3):
        client.fashn()
    assert len(client.http._transport._pool.connections) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    ],
)
async def test_malformed_requests_are_refused(gateway: Gateway, sent: bytes, status: int) -> None:
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    line = await reader.readline()
    writer.close()
    assert line.split()[1] == str(status).encode()


async def test_a_client_can_wait_for_100_continue(gateway: Gateway) -> None:
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"100"
    writer.write(b"{}")
    await reader.readline()
    assert (await reader.readline()).split()[1] == b"404"
    writer.close()


def test_a_restarted_gateway_uses_the_same_port(shop: Shop) -> None:
    gateway = Gateway(seconds=0)
    gateway.start()
    url = gateway.url
    client = Client(gateway, shop)
    with client.http:
        client.fashn()
        gateway.stop()
        with pytest.raises(httpx.TransportError):
            client.fashn()
        gateway.start()
        assert gateway.url == url
        assert client.fashn().status_code == 202
        assert gateway.ledger.totals["accepted"] == 2
        gateway.stop()


def test_the_gateway_stops_while_a_client_has_stopped_reading(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result="endless")
    url = client.wait(client.fashn().json()["request_id"])["output"]["media_url"][0]
    with client.http.stream("GET", url) as media:
        next(media.iter_raw())
        gateway.stop()
        gc.collect()  # Raises a ResourceWarning if a connection is still open.


def test_a_port_in_use_raises_os_error(gateway: Gateway) -> None:
    other = Gateway(port=int(gateway.url.rpartition(":")[2]))
    with pytest.raises(OSError, match="address already in use"):
        other.start()


def test_the_log_contains_no_key_and_no_url(
    client: Client, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    caplog.set_level(logging.DEBUG)
    client.http.headers["Ocp-Apim-Subscription-Key"] = "canary-key"
    photo = shop.url_of("/canary-photo", shop.files["/person.jpg"])
    client.wait(
        client.fashn({"X-Webhook-URL": f"{shop.url}/canary-hook"}, model_image=photo).json()["request_id"]
    )
    assert f"POST {FASHN} 202" in caplog.text
    assert "canary" not in "".join(r.getMessage() for r in caplog.records if r.name != "httpcore")


ENDPOINTS = [("GET", ""), ("GET", "ledger"), ("POST", "reset"), ("POST", "scenario"), ("DELETE", "scenario")]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize(
    "headers",
    [
        # DNS rebinding: the name of the other site resolves to this machine.
        {"Host": "evil.example"},
        {"Host": "evil.example:8765", "Origin": "http://evil.example:8765"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost@evil.example"},
        {"Host": "[::1"},
        {"Host": ""},
        # A form or a script on a page of another site.
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
def test_requests_from_pages_of_other_sites_are_refused(
    client: Client, gateway: Gateway, method: str, path: str, headers: dict[str, str]
) -> None:
    client.fashn()
    response = client.http.request(method, f"/_sandbox/{path}", headers=headers, content=b"{}")
    assert response.status_code == 403
    assert "person.jpg" not in response.text
    assert len(gateway.ledger.entries) == 1
    assert client.fashn().status_code == 202


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_requests_on_loopback_are_accepted(client: Client, gateway: Gateway, host: str) -> None:
    host += ":" + gateway.url.rpartition(":")[2]
    for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
        assert client.http.post("/_sandbox/reset", headers=headers).status_code == 200
