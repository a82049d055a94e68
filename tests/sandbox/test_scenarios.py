import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from django_vton.sandbox import Gateway, Scenario

from .conftest import FASHN, Client, Shop, person, shirt

DOCUMENTED = {
    400: {"error": "Invalid request parameters"},
    401: {"error": "Invalid or missing authentication"},
    402: {"error": "Insufficient Balance", "message": "Your wallet does not have enough balance."},
    403: {"error": "Access denied for this operation"},
    404: {"error": "Endpoint not found"},
    429: {"error": "Rate limit exceeded, please retry later"},
    500: {"error": "An unexpected error occurred, please try again later"},
}


@pytest.mark.parametrize("engine", ["fashn", "glass"])
@pytest.mark.parametrize("status", DOCUMENTED)
def test_refusals_are_as_documented_and_not_charged(
    client: Client, gateway: Gateway, engine: str, status: int
) -> None:
    gateway.scenario(submit_status=status)
    response = getattr(client, engine)()
    assert (response.status_code, response.json()) == (status, DOCUMENTED[status])
    assert "Retry-After" not in response.headers
    entry = gateway.ledger.entries[0]
    assert (entry.outcome, entry.answer, entry.amount, entry.request_id) == ("refused", status, 0, None)
    assert getattr(client, engine)().is_success


def test_a_refusal_can_have_retry_after_and_another_text(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit_status=429, retry_after=7, submit_error="Slow down")
    response = client.fashn()
    assert response.headers["Retry-After"] == "7"
    assert response.json() == {"error": "Slow down"}


@pytest.mark.parametrize("fields", [{"submit_status": 502}, {"submit_status": 500, "submit_html": True}])
def test_a_proxys_refusal_is_html(client: Client, gateway: Gateway, fields: dict[str, Any]) -> None:
    gateway.scenario(**fields)
    response = client.fashn()
    assert response.status_code == fields["submit_status"]
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_submit_can_be_accepted_in_spite_of_an_error_response(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit_status=504, accepted=True)
    assert client.fashn().status_code == 504
    entry = gateway.ledger.entries[0]
    assert (entry.outcome, entry.amount) == ("accepted", 75_000)
    assert client.wait(entry.request_id or "")["status"] == "COMPLETED"


def test_a_scenario_closes_the_connection_after_the_charge(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit="close")
    with pytest.raises(httpx.RemoteProtocolError):
        client.fashn()
    entry = gateway.ledger.entries[0]
    assert (entry.outcome, entry.answer, entry.amount) == ("accepted", None, 75_000)
    assert client.wait(entry.request_id or "")["status"] == "COMPLETED"


def test_a_scenario_sends_no_response_to_an_accepted_submit(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit="hang")
    client.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        client.fashn()
    assert gateway.ledger.totals["amount"] == 75_000
    client.http.timeout = httpx.Timeout(5)
    assert client.fashn().status_code == 202


def test_a_scenario_delays_the_response_to_a_submit(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit_seconds=0.4)
    response = client.fashn()
    assert response.status_code == 202
    assert response.elapsed.total_seconds() >= 0.4


@pytest.mark.parametrize("engine", ["fashn", "glass"])
def test_a_scenario_removes_the_request_id_from_the_response(
    client: Client, gateway: Gateway, engine: str
) -> None:
    gateway.scenario(submit="no_id")
    response = getattr(client, engine)()
    assert response.is_success
    assert not {"request_id", "polling_url"} & set(response.json())
    assert (gateway.ledger.entries[0].request_id or "") not in response.text
    assert gateway.ledger.totals["accepted"] == 1


def test_a_scenario_puts_the_result_into_the_response(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit="terminal", times=None)
    fashn, glass = client.fashn().json(), client.glass().json()
    assert fashn["status"] == "COMPLETED"
    assert client.http.get(fashn["output"]["media_url"][0]).is_success
    assert glass["status"] == "completed"
    assert client.http.get(glass["image_url"]).is_success


def test_a_render_that_ends_with_failed_is_charged_and_one_with_error_is_not(
    client: Client, gateway: Gateway
) -> None:
    gateway.scenario(outcome="FAILED", error="PoseError: no body found")
    gateway.scenario(outcome="ERROR", error="ThirdPartyError: overloaded")
    failed, error = client.fashn().json()["request_id"], client.fashn().json()["request_id"]
    assert client.wait(failed, "FAILED")["error"] == "PoseError: no body found"
    assert client.wait(error, "ERROR")["error"] == "ThirdPartyError: overloaded"
    assert gateway.ledger.wait_for(lambda ledger: ledger.entries[1].refunded)
    assert [entry.amount for entry in gateway.ledger.entries] == [75_000, 0]


def test_a_render_that_fails_loads_its_images_before(client: Client, gateway: Gateway, shop: Shop) -> None:
    gateway.scenario(outcome="FAILED", error="PoseError: no body found", times=None)
    request_id = client.fashn().json()["request_id"]
    client.wait(request_id, "FAILED")
    assert shop.requests == ["/person.jpg", "/shirt.png"]
    # Images that cannot be loaded end it earlier, with the same text.
    request_id = client.fashn(model_image=f"{shop.url}/missing").json()["request_id"]
    assert client.wait(request_id, "FAILED")["error"] == "PoseError: no body found"


@pytest.mark.parametrize(
    ("blocked", "requests", "name"), [("all", [], "model"), ("product", ["/person.jpg"], "product")]
)
def test_a_scenario_blocks_downloads_like_a_firewall_before_the_shop(
    client: Client, gateway: Gateway, shop: Shop, blocked: str, requests: list[str], name: str
) -> None:
    gateway.scenario(blocked=blocked)
    gateway.scenario(blocked=blocked, error="Internal error")
    first, second = client.fashn().json()["request_id"], client.fashn().json()["request_id"]
    error = client.wait(first, "FAILED")["error"]
    assert error == f"ImageLoadError: {name} image could not be fetched: HTTP status 403"
    assert client.wait(second, "FAILED")["error"] == "Internal error"
    assert shop.requests == requests * 2
    assert gateway.ledger.totals["amount"] == 150_000


def test_a_firewall_blocks_no_image_inside_of_the_request(client: Client, gateway: Gateway) -> None:
    gateway.scenario(blocked="all", times=None)
    photo, product = (base64.b64encode(data).decode() for data in (person(), shirt()))
    request_id = client.glass(model_image_path=photo, glass_image_path=product).json()["request_id"]
    client.wait(request_id)
    assert client.glass().status_code == 400


def test_glass_failures_are_in_lower_case(client: Client, gateway: Gateway) -> None:
    gateway.scenario(outcome="FAILED", error="ContentModerationError")
    request_id = client.glass().json()["request_id"]
    assert client.wait(request_id, "FAILED") == {
        "request_id": request_id,
        "status": "failed",
        "error": "ContentModerationError",
    }


def test_a_render_can_have_undocumented_statuses(client: Client, gateway: Gateway) -> None:
    gateway.scenario(outcome="THROTTLED", seconds=0)
    gateway.scenario(running="WARMING_UP", seconds=0.6)
    unending, slow = client.fashn().json()["request_id"], client.fashn().json()["request_id"]
    response = client.wait(unending, "THROTTLED")
    assert (response["status"], response["output"], response["completed_at"]) == ("THROTTLED", None, None)
    assert client.wait(slow, "WARMING_UP")["status"] == "WARMING_UP"
    assert client.wait(slow)["status"] == "COMPLETED"


def test_a_scenario_lets_the_first_polls_fail(client: Client, gateway: Gateway) -> None:
    gateway.scenario(unknown_asks=2, failed_asks=1, seconds=60)
    request_id = client.fashn().json()["request_id"]
    assert [client.poll(request_id).status_code for _ in range(4)] == [404, 404, 500, 200]
    assert gateway.ledger.counts(request_id).asks == 4


def result_url(client: Client) -> str:
    response = client.wait(client.fashn().json()["request_id"])
    return str(response["output"]["media_url"][0])


@pytest.mark.parametrize("result", ["broken", "html", "truncated"])
def test_a_scenario_makes_the_result_unreadable(client: Client, gateway: Gateway, result: str) -> None:
    gateway.scenario(result=result)
    media = client.http.get(result_url(client))
    assert media.status_code == 200
    with pytest.raises(OSError):  # noqa: PT011 - the message depends on Pillow's version
        Image.open(io.BytesIO(media.content)).load()


def test_a_scenario_ends_a_download_before_the_announced_length(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result="cut")
    with pytest.raises(httpx.RemoteProtocolError):
        client.http.get(result_url(client))


def test_a_scenario_lets_the_first_downloads_fail_with_404(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result="missing", result_times=2)
    url = result_url(client)
    assert [client.http.get(url).status_code for _ in range(3)] == [404, 404, 200]


def test_a_scenario_redirects_a_download(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result="redirect")
    url = result_url(client)
    assert client.http.get(url).status_code == 302
    followed = client.http.get(url, follow_redirects=True)
    assert Image.open(io.BytesIO(followed.content)).size == (400, 600)


def test_an_endless_download_stops_at_64_mb(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result="endless")
    url, size = result_url(client), 0
    with client.http.stream("GET", url) as media:
        assert "Content-Length" not in media.headers
        for chunk in media.iter_raw():
            size += len(chunk)
    assert 60 * 1024**2 < size <= 64 * 1024**2


def test_a_client_can_disconnect_from_an_endless_download(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result="endless")
    with client.http.stream("GET", result_url(client)) as media:
        next(media.iter_raw())
    assert client.fashn().status_code == 202


def test_a_scenario_makes_a_download_slow_but_complete(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result_seconds=0.4)
    media = client.http.get(result_url(client))
    assert media.elapsed.total_seconds() >= 0.3
    Image.open(io.BytesIO(media.content)).load()


def test_a_scenario_changes_the_url_of_the_result(client: Client, gateway: Gateway) -> None:
    gateway.scenario(result_url="http://169.254.169.254/latest")
    assert result_url(client) == "http://169.254.169.254/latest"


def test_a_scenario_applies_to_its_engine_and_number_of_submits(client: Client, gateway: Gateway) -> None:
    gateway.scenario(engine="glass-v1", submit_status=403)
    gateway.scenario(submit_status=429, times=2)
    assert [client.fashn().status_code for _ in range(3)] == [429, 429, 202]
    assert [client.glass().status_code for _ in range(2)] == [403, 200]


def test_a_scenario_applies_to_every_third_submit(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit_status=500, every=3, times=None)
    assert [client.fashn().status_code for _ in range(6)] == [202, 202, 500, 202, 202, 500]


def test_scenarios_are_added_and_removed_over_http(client: Client) -> None:
    response = client.http.post("/_sandbox/scenario", json={"submit_status": 402, "times": None})
    assert response.json()["submit_status"] == 402
    assert client.fashn().status_code == 402
    assert client.http.delete("/_sandbox/scenario").is_success
    assert client.fashn().status_code == 202


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"submit_stauts": 500}, "submit_stauts"),
        ({"submit_status": "500"}, "submit_status"),
        ({"submit_status": 100}, "submit_status"),
        ({"times": True}, "times"),
        ({"seconds": -1}, "seconds"),
        ({"submit": "vanish"}, "submit"),
        ({"engine": "fashn"}, "engine"),
        ({"every": 0}, "every"),
        ({"callback_early": 1}, "callback_early"),
        ([], "object"),
    ],
)
def test_invalid_scenarios_are_refused_over_http(client: Client, body: Any, expected: str) -> None:
    response = client.http.post("/_sandbox/scenario", json=body)
    assert response.status_code == 400
    assert expected in response.json()["error"]
    assert client.fashn().status_code == 202


def test_invalid_scenarios_raise_value_error(gateway: Gateway) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        gateway.scenario(nonsense=1)
    with pytest.raises(ValueError, match="seconds"):
        Scenario(seconds=float("nan"))


def test_a_scenario_refuses_a_submit_with_an_invalid_body(client: Client, gateway: Gateway) -> None:
    gateway.scenario(submit_status=500)
    assert client.http.post(FASHN, content=b"x").status_code == 500
