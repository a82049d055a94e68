"""A storm over a real qcluster: its processes are killed one after the other while try-ons come in.

The vendor calls back twice, and drops every twentieth answer after it has charged. In the end nothing may be
paid twice and nothing may be lost, on SQLite and on PostgreSQL. `TRY_ONS=1000` is the full storm.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.running import RunningShop, Shopper, phone_photo, until

from .cluster import (
    Cluster,
    hours_pass,
    minutes_pass,
    needs_proc,
    nobody_holds_anything,
    ring,
    running_shop,
    running_vendor,
)
from .rounds import ROUNDS, SEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRY_ONS = int(os.environ.get("TRY_ONS", "200" if ROUNDS else "40"))
DATABASES = ["sqlite", "postgresql"] if TRY_ONS > 40 else [running_vendor()]
SHOPPERS = 4
PRODUCTS = ["linen-shirt", "otto-glasses", "breton-tee", "mira-sunglasses"]
KILLS = max(6, TRY_ONS // 10)
ROLES = ["main", "guard", "pump", "worker", "monitor", "pusher"]

pytestmark = needs_proc


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("database", DATABASES)
def test_no_kill_pays_twice_or_loses_a_try_on(database: str, seed: int, tmp_path: Path) -> None:
    began = time.monotonic()
    roomy = {"VTON_QUOTA": "9999/day", "VTON_IP_QUOTA": "9999/day", "VTON_IN_FLIGHT": "9999"}
    with running_shop(tmp_path, database, **roomy) as shop:
        # Held back for a moment, so that each kill of a pump finds answers in flight.
        shop.gateway.scenario(submit="close", every=20, times=None, callbacks=2, submit_seconds=0.3)
        shop.gateway.scenario(times=None, callbacks=2, submit_seconds=0.3)
        with ThreadPoolExecutor(SHOPPERS) as crowd:
            asks = [crowd.submit(go_shopping, shop, number) for number in range(SHOPPERS)]
            kills = rage(shop, random.Random(seed), asks)  # noqa: S311 - a storm that can be repeated
            mine = [ask.result() for ask in asks]
        come_to_rest(shop)
        with ThreadPoolExecutor(SHOPPERS) as crowd:
            seen = dict(itertools.chain(*crowd.map(look_back, *zip(*mine, strict=True))))
        books = audit(shop)

    accepted = [name for _shopper, names in mine for name in names]
    print(database, seed, dict(kills), books, f"{time.monotonic() - began:.0f} s")  # noqa: T201 - shown by -s
    assert len(set(accepted)) == TRY_ONS
    assert seen.keys() == set(accepted)
    assert set(seen.values()) <= {"completed", "outcome_unknown"}
    garments, glasses = books["fashn-v1.6"], books["glass-v1"]
    assert garments["charged"] + glasses["charged"] <= TRY_ONS
    # A callback tells of every garment that was charged; glasses have none, and an operator is told.
    assert garments["charged"] == garments["completed"] > 0
    assert glasses["completed"] <= glasses["charged"] <= glasses["completed"] + glasses["failed"]
    assert garments["dropped"] + glasses["dropped"] > 0


def go_shopping(shop: RunningShop, number: int) -> tuple[Shopper, list[str]]:
    """One shopper's part of the try-ons: garments and glasses, every tenth on a house model."""
    shopper = shop.shopper()
    products = [shop.product(slug) for slug in PRODUCTS]
    model = shopper.start(products[0])["house_models"][0]["id"]
    names = []
    for each in range(number, TRY_ONS, SHOPPERS):
        product = products[each // SHOPPERS % len(products)]
        if each % 10 == 0:
            answer = shopper.ask(product, None, photo_id=model)
        else:
            photo = phone_photo(300, 400 + each // 80, shade=each % 80)
            answer = shopper.ask(product, photo, consent="true")
        assert answer.status_code in {200, 202}, answer.text
        names.append(answer.json()["id"])
    return shopper, names


def rage(shop: RunningShop, dice: random.Random, asks: list[Future[Any]]) -> Counter[str]:
    """SIGKILL after SIGKILL, while anything is asked for or waits to be sent; each role once at least."""
    kills: Counter[str] = Counter()
    cluster = Cluster(shop)
    for role in itertools.islice(_roles(dice), KILLS):
        if len(kills) == len(ROLES) and all(ask.done() for ask in asks) and not waits(shop):
            break
        until(cluster.is_whole, "a whole cluster")
        time.sleep(dice.uniform(1, 3))
        strike(cluster, dice.choice(cluster.find(role) or cluster.find("worker")), role)
        kills[role] += 1
    return kills


def _roles(dice: random.Random) -> Iterator[str]:
    """In an order of the dice's, and none for a second time before all had their turn."""
    while True:
        yield from dice.sample(ROLES, len(ROLES))


def strike(cluster: Cluster, victim: int, role: str) -> None:
    """Kill one; where the cluster ends with it, do as a supervisor does. A dead pump keeps nobody waiting."""
    shop = cluster.shop
    is_end, was_pump = role in {"main", "guard"}, victim in cluster.find("pump")
    os.kill(victim, signal.SIGKILL)
    if is_end:
        shop.processes["workers"].wait(30)
        shop.kill_workers()
    if is_end or was_pump:
        minutes_pass(shop)
    if is_end:
        shop.start_workers()


def waits(shop: RunningShop) -> bool:
    """Whether anything has yet to be sent."""
    return bool(shop.sql("SELECT 1 FROM vton_tryonrequest WHERE state = 'queued' AND due_at IS NOT NULL"))


def come_to_rest(shop: RunningShop) -> None:
    """After the last kill a new cluster ends what is left; nobody waits for hours that only have to pass."""
    shop.kill_workers()
    nobody_holds_anything(shop)
    shop.start_workers()
    ring(shop)
    until(lambda: is_at_rest(shop), "the vendor has said all that it will say", 120 + 3 * TRY_ONS)
    hours_pass(shop)
    ring(shop)

    def has_ended() -> bool:
        hours_pass(shop)
        time.sleep(0.5)  # More looks would only be more questions to the vendor.
        return not shop.sql(
            "SELECT 1 FROM vton_tryonrequest WHERE state NOT IN ('completed', 'failed', 'canceled')"
        )

    until(has_ended, "every try-on has ended", 300)


def is_at_rest(shop: RunningShop) -> bool:
    """All is sent, and the vendor has called back twice for each render, where it calls back at all."""
    ledger = shop.gateway.ledger
    called = [ledger.counts(entry.request_id or "") for entry in ledger.entries if entry.callback]
    is_sorted = all(entry.outcome != "arrived" for entry in ledger.entries)
    return not waits(shop) and is_sorted and all(counts.callbacks_acknowledged >= 2 for counts in called)


def look_back(shopper: Shopper, names: list[str]) -> list[tuple[str, str]]:
    """What the shopper sees of each: its end, with pictures or with the reason."""
    seen = []
    for name in names:
        body = shopper.http.get(f"/try-on/api/try-ons/{name}/").json()
        assert body["status"] in {"completed", "failed"}, body
        assert bool(body["images"]) == (body["status"] == "completed"), body
        seen.append((name, "completed" if body["images"] else body["error"]["code"]))
    return seen


AUDIT = """
import json
from types import SimpleNamespace
from tests.lifecycle.invariants import check_books
from django_vton.models import TryOnRequest
from django_vton.sandbox.ledger import Entry

entries = [Entry(**entry) for entry in json.load(open({path!r}))]
check_books(SimpleNamespace(ledger=SimpleNamespace(entries=entries)))
books = {{}}
for name in {{entry.engine for entry in entries}}:
    charged = [entry for entry in entries if entry.engine == name and entry.amount]
    renders = TryOnRequest.objects.filter(engine=name, source=None)
    books[name] = {{
        "renders": renders.count(),
        "charged": len(charged),
        "dropped": sum(entry.answer is None for entry in charged),
        "in_doubt_once": renders.filter(events__to_state="unknown").distinct().count(),
        "completed": renders.filter(state="completed").count(),
        "failed": renders.filter(state="failed").count(),
    }}
print(json.dumps(books))
"""


def audit(shop: RunningShop) -> dict[str, Any]:
    """The invariants of rows, money and ledger, checked where the rows are; and the figures."""
    path = shop.folder / "ledger.json"
    path.write_text(json.dumps(shop.gateway.ledger.as_dict()["submits"]))
    script = AUDIT.format(path=str(path))
    return dict(json.loads(shop.manage("shell", "--verbosity", "0", "--command", script)))
