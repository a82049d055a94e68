"""The page for Prometheus: who may read it, what it says, and that the dashboard asks for nothing else."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from django_vton import lifecycle
from django_vton.gateway import backoff, circuit_breaker
from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.queue import liveness
from tests.tryons import claim_for_submit, complete_tryon, create_tryon

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db

URL = "/try-on/metrics/"
TOKEN = "0123456789abcdef0123456789abcdef"
DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "grafana.json").read_text()
)


@pytest.fixture(autouse=True)
def _token(vton: Vton) -> None:
    vton(METRICS_TOKEN=TOKEN)


def scrape(client: Client) -> Any:
    return client.get(URL, headers={"Authorization": f"Bearer {TOKEN}"})


def samples(client: Client) -> dict[str, dict[tuple[str, ...], float]]:
    """The values of each metric by the values of its labels, which are sorted by name."""
    found = {}
    for family in text_string_to_metric_families(scrape(client).content.decode()):
        values = {tuple(it.labels[name] for name in sorted(it.labels)): it.value for it in family.samples}
        assert len(values) == len(family.samples), family.name
        assert family.documentation.endswith(".")
        found[family.name] = values
    return found


def test_without_a_token_there_is_no_page(guest: Client, vton: Vton) -> None:
    vton(METRICS_TOKEN="")
    assert guest.get(URL, headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "header",
    ["", TOKEN, "Bearer", "Bearer " + TOKEN[:-1], f"Basic {TOKEN}", "Bearer \xff", f"Bearer {TOKEN}x"],
)
def test_another_token_is_refused_before_anything_is_read(
    guest: Client, header: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = guest.get(URL, headers={"Authorization": header})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_the_page_is_kept_by_no_cache_and_by_no_session(guest: Client) -> None:
    response = scrape(guest)
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in response.headers["Cache-Control"]
    assert not response.cookies
    assert guest.post(URL, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


def test_a_database_that_fails_is_answered_with_503(guest: Client) -> None:
    def fail(*_args: Any) -> None:
        raise OperationalError("gone")

    with connection.execute_wrapper(fail):
        assert scrape(guest).status_code == 503


def test_a_shop_that_works(
    guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(DAILY_BUDGET=Decimal(5), METRICS_TOKEN=TOKEN)
    liveness.record_heartbeat()
    done = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    now = timezone.now()
    TryOnRequest.objects.filter(pk=done.pk).update(
        created_at=now - timedelta(seconds=14),
        started_at=now - timedelta(seconds=13),
        rendered_at=now - timedelta(seconds=3),
        finished_at=now - timedelta(seconds=1),
    )
    earlier = complete_tryon(create_tryon(stranger, shirt, phone_photo(shade=1)))
    TryOnRequest.objects.filter(pk=earlier.pk).update(finished_at=now - timedelta(minutes=6))
    waiting = create_tryon(guest, shirt, phone_photo(shade=2))
    TryOnRequest.objects.filter(pk=waiting.pk).update(due_at=now - timedelta(seconds=90))

    found = samples(guest)
    assert found["vton_orders_accepted"] == {(): 1}
    assert set(found["vton_check_ok"].values()) == {1}
    assert found["vton_try_ons_5m"] == {("fashn-v1.6", "", "completed"): 1}
    seconds = {("total",): 13, ("queue",): 1, ("vendor",): 10, ("download",): 2}
    assert found["vton_try_on_p50_seconds_5m"] == found["vton_try_on_p95_seconds_5m"] == seconds
    assert found["vton_submits_5m"] == {("fashn-v1.6", "accepted", ""): 2}
    assert found["vton_active_try_ons"] == {("fashn-v1.6", "queued"): 1}
    assert found["vton_oldest_due_seconds"][()] >= 90
    assert found["vton_worker_seen_seconds"].keys() == {()}
    assert found["vton_dispatchers"] == {(): 0}
    assert found["vton_budget_spent_usd"] == {("day",): 0.15, ("month",): 0.15}
    assert found["vton_budget_held_usd"] == {("day",): 0.075, ("month",): 0.075}
    assert found["vton_budget_cap_usd"] == {("day",): 5}
    assert set(found["vton_breaker_open"].values()) == {0}


def test_a_shop_with_problems(guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    attempt = claim_for_submit(row)
    lifecycle.mark_unknown(attempt, timeout=timedelta(0), status=504)
    TryOnRequest.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    lifecycle.end_unknown_outcome(row)
    circuit_breaker.record_unreachable("glass-v1")
    backoff.pause_engine("fashn-v1.6", 60, timezone.now())
    vton(ENABLED=False, METRICS_TOKEN=TOKEN)

    found = samples(guest)
    assert TryOnRequest.objects.get(pk=row.pk).state == State.FAILED
    assert found["vton_orders_accepted"] == {(): 0}
    failing = {check for (check,), is_ok in found["vton_check_ok"].items() if not is_ok}
    assert failing == {"settings", "gateway", "unknown", "workers"}
    assert found["vton_unknown_outcomes"] == {(): 1}
    assert found["vton_try_ons_5m"] == {("fashn-v1.6", "outcome_unknown", "failed"): 1}
    assert found["vton_submits_5m"] == {("fashn-v1.6", "unknown", "504"): 1}
    assert found["vton_breaker_open"] == {("fashn-v1.6",): 0, ("glass-v1",): 1}
    assert found["vton_submits_paused"] == {("fashn-v1.6",): 1, ("glass-v1",): 0}
    assert found["vton_worker_seen_seconds"] == {}


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_the_dashboard_shows_each_metric_and_no_other(guest: Client) -> None:
    used = {name for text in expressions() for name in re.findall(r"\bvton_\w+", text)}
    assert used == set(samples(guest))


def test_the_dashboard_has_the_shape_that_grafana_imports() -> None:
    assert isinstance(DASHBOARD["schemaVersion"], int)
    assert DASHBOARD["title"]
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["type"] in {"stat", "timeseries", "state-timeline"}
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{variable['name']}}}"}
        place = panel["gridPos"]
        area = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not area & cells, panel["title"]
        assert max(x for x, _y in area) < 24
        cells |= area
        assert {"defaults", "overrides"} <= set(panel["fieldConfig"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
