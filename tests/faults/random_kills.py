"""Kill the processes of a real qcluster one after another while try-ons are ordered.

The vendor calls back twice, and drops every twentieth response after it has charged. `TRY_ONS=1000` is the
longest form.
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

from tests.live_shop import RunningShop, ShopperClient, phone_photo, wait_until

from .cluster import (
    Cluster,
    database_vendor,
    expire_all_leases,
    expire_worker_leases,
    make_all_due,
    wake_worker,
)
from .rounds import ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

TRY_ONS = int(os.environ.get("TRY_ONS", "200" if ROUNDS else "40"))
DATABASES = ["sqlite", "postgresql"] if TRY_ONS > 40 else [database_vendor()]
SHOPPERS = 4
PRODUCTS = ["linen-shirt", "otto-glasses", "breton-tee", "mira-sunglasses"]
KILLS = int(os.environ.get("KILLS", max(6, TRY_ONS // 10)))
ROLES = ["main", "guard", "dispatcher", "worker", "monitor", "pusher"]

NO_LIMITS = {"VTON_QUOTA": "9999/day", "VTON_IP_QUOTA": "9999/day", "VTON_IN_FLIGHT": "9999"}


def run_storm(shop: RunningShop, seed: int) -> tuple[Counter[str], dict[str, str]]:
    """Order try-ons and kill processes meanwhile. Return the kills by role, and what the shoppers see."""
    # Responses are delayed, so that each kill of a dispatcher interrupts some.
    shop.gateway.scenario(submit="close", every=20, times=None, callbacks=2, submit_seconds=0.3)
    shop.gateway.scenario(times=None, callbacks=2, submit_seconds=0.3)
    with ThreadPoolExecutor(SHOPPERS) as threads:
        orders = [threads.submit(order_tryons, shop, number) for number in range(SHOPPERS)]
        kills = kill_randomly(shop, random.Random(seed), orders)  # noqa: S311 - repeatable by its seed
        ordered = [order.result() for order in orders]
    wait_for_the_end(shop)
    with ThreadPoolExecutor(SHOPPERS) as threads:
        seen = dict(itertools.chain(*threads.map(final_statuses, *zip(*ordered, strict=True))))
    accepted = [name for _shopper, names in ordered for name in names]
    assert len(set(accepted)) == TRY_ONS
    assert seen.keys() == set(accepted)
    return kills, seen


def order_tryons(shop: RunningShop, number: int) -> tuple[ShopperClient, list[str]]:
    """Order one shopper's share of the try-ons: garments and glasses, every tenth on a house model."""
    shopper = shop.shopper()
    products = [shop.product(slug) for slug in PRODUCTS]
    model = shopper.start(products[0])["house_models"][0]["id"]
    names = []
    for index in range(number, TRY_ONS, SHOPPERS):
        product = products[index // SHOPPERS % len(products)]
        if index % 10 == 0:
            response = shopper.post_tryon(product, None, photo_id=model)
        else:
            photo = phone_photo(300, 400 + index // 80, shade=index % 80)
            response = shopper.post_tryon(product, photo, consent="true")
        assert response.status_code in {200, 202}, response.text
        names.append(response.json()["id"])
    return shopper, names


def kill_randomly(shop: RunningShop, chooser: random.Random, orders: list[Future[Any]]) -> Counter[str]:
    """Send SIGKILLs until everything is ordered and sent, and each role was killed at least once."""
    kills: Counter[str] = Counter()
    cluster = Cluster(shop)
    for role in itertools.islice(_roles(chooser), KILLS):
        if len(kills) == len(ROLES) and all(order.done() for order in orders) and not has_unsent(shop):
            break
        wait_until(cluster.is_complete, "a complete cluster")
        time.sleep(chooser.uniform(1, 3))
        kill(cluster, chooser.choice(cluster.find(role) or cluster.find("worker")), role)
        kills[role] += 1
    return kills


def _roles(chooser: random.Random) -> Iterator[str]:
    """Yield roles in random order, each again only after all the others."""
    while True:
        yield from chooser.sample(ROLES, len(ROLES))


def kill(cluster: Cluster, pid: int, role: str) -> None:
    """Kill a process. If that ends the cluster, restart it, as a supervisor does."""
    shop = cluster.shop
    ends_cluster, was_dispatcher = role in {"main", "guard"}, pid in cluster.find("dispatcher")
    os.kill(pid, signal.SIGKILL)
    if ends_cluster:
        shop.processes["workers"].wait(30)
        shop.kill_workers()
    if ends_cluster or was_dispatcher:
        expire_worker_leases(shop)
    if ends_cluster:
        shop.start_workers()


def has_unsent(shop: RunningShop) -> bool:
    """Whether a try-on has not been submitted yet."""
    return bool(shop.sql("SELECT 1 FROM vton_tryonrequest WHERE state = 'queued' AND due_at IS NOT NULL"))


def wait_for_the_end(shop: RunningShop) -> None:
    """After the last kill, start a new cluster and wait until it has finished everything."""
    shop.kill_workers()
    expire_all_leases(shop)
    shop.start_workers()
    wake_worker(shop)
    wait_until(lambda: vendor_is_done(shop), "the vendor has called back", 120 + 3 * TRY_ONS)
    make_all_due(shop)
    wake_worker(shop)

    def has_ended() -> bool:
        make_all_due(shop)
        time.sleep(0.5)  # Shorter pauses would only poll the vendor more often.
        return not shop.sql(
            "SELECT 1 FROM vton_tryonrequest WHERE state NOT IN ('completed', 'failed', 'canceled')"
        )

    wait_until(has_ended, "every try-on has ended", 300)


def vendor_is_done(shop: RunningShop) -> bool:
    """Whether all is sent, and the vendor has called back twice for each render that has callbacks."""
    ledger = shop.gateway.ledger
    accepted = [entry for entry in ledger.entries if entry.callback and entry.request_id]
    called = [ledger.counts(entry.request_id or "") for entry in accepted]
    is_decided = all(entry.outcome != "arrived" for entry in ledger.entries)
    return (
        not has_unsent(shop) and is_decided and all(counts.callbacks_acknowledged >= 2 for counts in called)
    )


def final_statuses(shopper: ShopperClient, names: list[str]) -> list[tuple[str, str]]:
    """Return what the shopper sees of each: completed, or the error code."""
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
figures = {{}}
for name in {{entry.engine for entry in entries}}:
    charged = [entry for entry in entries if entry.engine == name and entry.amount]
    renders = TryOnRequest.objects.filter(engine=name, source=None)
    figures[name] = {{
        "renders": renders.count(),
        "charged": len(charged),
        "dropped": sum(entry.answer is None for entry in charged),
        "once_unknown": renders.filter(events__to_state="unknown").distinct().count(),
        "completed": renders.filter(state="completed").count(),
        "failed": renders.filter(state="failed").count(),
    }}
print(json.dumps(figures))
"""


def audit(shop: RunningShop) -> dict[str, Any]:
    """Check the invariants of rows, money and ledger in the shop's own database, and return the figures."""
    path = shop.folder / "ledger.json"
    path.write_text(json.dumps(shop.gateway.ledger.as_dict()["submits"]))
    script = AUDIT.format(path=str(path))
    return dict(json.loads(shop.manage("shell", "--verbosity", "0", "--command", script)))
