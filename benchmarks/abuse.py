"""What attacks cost a shop with the package's default limits: `make abuse`.

The example shop runs under gunicorn with two sync workers, a qcluster and the sandbox gateway; all requests
use the loopback interface. Each attack gets a new shop, so that it cannot be stopped by a quota that another
attack used up. Exits with 1 if an hour of an attack would cost more than the daily budget, or if uploads slow
down the shop's own pages.
"""

from __future__ import annotations

import argparse
import ipaddress
import itertools
import secrets
import sys
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django_vton.conf import MICROS_PER_USD
from django_vton.pixazo import ENGINES

from . import report, upload_load
from .guest_clients import (
    DAILY_BUDGET,
    FIVE_IMAGES,
    MAX_REQUESTS,
    PRODUCT,
    client,
    csrf_headers,
    post_tryon,
    shop,
)
from .report import Row, at_most
from .sample_images import person_photo
from .shop_process import ENGINE

if TYPE_CHECKING:
    import httpx

    from .deployment import Deployment

SECONDS = 60.0
QUICK_SECONDS = 2.0
THREADS = 8
HOUR_SECONDS = 3600


@dataclass(frozen=True)
class Attack:
    """Guests without cookies; each orders a new try-on of five images."""

    name: str
    prefix: int | None = None
    """Length of an IPv6 prefix: each guest has another address in that network."""
    through_socket: bool = False
    with_house_model: bool = False


ATTACKS = (
    Attack("one address"),
    Attack("a Unix socket, without addresses", through_socket=True),
    Attack("an IPv6 /64", prefix=64),
    Attack("an IPv6 /56", prefix=56),
    Attack("an IPv6 /48", prefix=48),
    Attack("65,536 IPv6 /48s", prefix=32),
    Attack("a house model from one address", with_house_model=True),
)


def main() -> int:
    """Run all attacks; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make abuse ARGS=", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="duration of each attack")
    parser.add_argument("--quick", action="store_true", help="two seconds each: a test that it works")
    parser.add_argument("--only", default="", metavar="TEXT", help="attacks with this text in their names")
    options = parser.parse_args()
    seconds = QUICK_SECONDS if options.quick else options.seconds
    parts = {
        "cost of an attack": {attack.name: partial(_cost, attack, seconds) for attack in ATTACKS},
        "pages beside uploads": {"uploads over the quota": partial(upload_load.measure, seconds)},
    }
    selected = {
        title: {name: function for name, function in functions.items() if options.only in name}
        for title, functions in parts.items()
    }
    if not any(selected.values()):
        parser.error(f"no name contains {options.only!r}")
    return report.run(
        {title: functions for title, functions in selected.items() if functions}, quick=options.quick
    )


def hourly_cost(half: float, whole: float, seconds: float, cap: float) -> float:
    """Extrapolate the cost of an attack to an hour, in USD, from the rate in the second half of `seconds`.

    `half` and `whole` are the USD after half of the time and at the end. The result is limited to `cap`,
    unless `whole` already exceeds it: then the cap does not work.
    """
    rate = max(0.0, whole - half) / (seconds / 2)
    estimate = whole + rate * max(0.0, HOUR_SECONDS - seconds)
    return estimate if whole > cap else min(estimate, cap)


def random_address(prefix: int) -> str:
    """An address of one IPv6 network of this length, within the range reserved for documentation."""
    network = int(ipaddress.IPv6Address("2001:db8::"))
    return str(ipaddress.IPv6Address(network | secrets.randbits(128 - prefix)))


def _cost(attack: Attack, seconds: float) -> list[Row]:
    with shop({} if attack.prefix is None else {"TRUSTED_PROXIES": 1}) as deployment:
        body = _body(deployment, attack)
        with client(deployment, through_socket=attack.through_socket) as http:
            first = _order(http, attack, body)
        if not first.startswith("20"):
            raise RuntimeError(f"the very first guest was refused: {first}")
        numbers = itertools.count(1)
        ends = time.monotonic() + seconds

        def order_repeatedly() -> Counter[str]:
            responses: Counter[str] = Counter()
            with client(deployment, through_socket=attack.through_socket) as http:
                while time.monotonic() < ends and next(numbers) < MAX_REQUESTS:
                    responses[_order(http, attack, body)] += 1
            return responses

        with ThreadPoolExecutor(THREADS) as pool:
            running = [pool.submit(order_repeatedly) for _ in range(THREADS)]
            time.sleep(seconds / 2)
            half, _images = _spent(deployment)
            responses = sum((future.result() for future in running), Counter([first]))
        whole, images = _spent(deployment)
    accepted = sum(count for response, count in responses.items() if response.startswith("20"))
    counts = ", ".join(f"{response}: {count:,}" for response, count in responses.most_common())
    note = (
        f"{responses.total():,} attempts, {accepted:,} accepted, {images:,} images ordered, "
        f"{whole:.2f} USD held or spent in {seconds:g} s ({counts})"
    )
    cost = hourly_cost(half, whole, seconds, DAILY_BUDGET)
    return [
        replace(at_most(attack.name, cost, "USD per hour", goal=DAILY_BUDGET, note=note), needs_size=False)
    ]


def _body(deployment: Deployment, attack: Attack) -> dict[str, Any]:
    """The body that all guests send: the same small photo, or the id of the first house model."""
    if not attack.with_house_model:
        return {"data": FIVE_IMAGES, "files": {"photo": ("me.jpg", person_photo(), "image/jpeg")}}
    with client(deployment) as http:
        start = http.get("/try-on/api/start/", params={"product": PRODUCT}).json()
    return {"data": {**FIVE_IMAGES, "photo_id": start["house_models"][0]["id"]}}


def _order(http: httpx.Client, attack: Attack, body: Mapping[str, Any]) -> str:
    headers = csrf_headers()
    if attack.prefix is not None:
        headers["X-Forwarded-For"] = random_address(attack.prefix)
    return post_tryon(http, headers, **body)


def _spent(deployment: Deployment) -> tuple[float, int]:
    """USD and number of images: the larger of the shop's accounting and what the vendor has charged."""
    accounting = deployment.call("accounting")
    charged = deployment.call_gateway("GET", "ledger")["totals"]["amount"]
    paid = sum(attempt["amount"] for attempt in accounting["attempts"] if attempt["money"] != "free")
    usd = max(accounting["held"] + accounting["spent"], paid, charged) / MICROS_PER_USD
    return usd, round(paid / (float(ENGINES[ENGINE].price or 0) * MICROS_PER_USD))


if __name__ == "__main__":
    sys.exit(main())
