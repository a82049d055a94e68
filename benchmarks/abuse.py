"""What attacks cost a shop that keeps the package's own limits; `make abuse` prints it.

The example shop runs under gunicorn with two sync workers, with a qcluster and the sandbox gateway, and all
requests are on loopback. Each attack has a new shop, so no quota that another used up stops it. Exits 1 where
an hour of an attack would cost more than the day's cap, or where uploads slow down the shop's own pages.
"""

from __future__ import annotations

import argparse
import ipaddress
import itertools
import secrets
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django_vton.conf import MICROS
from django_vton.pixazo import ENGINES

from . import report, uploading
from .guests import CAP, FIVE, MOST, PRODUCT, client, csrf, post, shop
from .pictures import person
from .report import Row, at_most
from .shop import ENGINE

if TYPE_CHECKING:
    import httpx

    from .lab import Lab

SECONDS = 60.0
QUICK = 2.0
THREADS = 8
HOUR = 3600


@dataclass(frozen=True)
class Attack:
    """Guests without cookies, each with a new try-on of five pictures."""

    name: str
    prefix: int | None = None
    """Each guest comes from another address of one IPv6 network of this length."""
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
    """Run all; the exit status."""
    parser = argparse.ArgumentParser(prog="make abuse ARGS=", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each attack")
    parser.add_argument("--quick", action="store_true", help="two seconds each: shows that it works")
    parser.add_argument("--only", default="", metavar="WORD", help="what has this word in its name")
    options = parser.parse_args()
    seconds = QUICK if options.quick else options.seconds
    costs = {attack.name: partial(_cost, attack, seconds) for attack in ATTACKS}
    pages = {"uploads over the quota": partial(uploading.measure, seconds)}
    parts: report.Parts = {}
    for title, tasks in {"cost of an attack": costs, "pages beside uploads": pages}.items():
        for name in tasks:
            if options.only in name:
                parts.setdefault(title, []).extend(_rows(name, tasks[name]))
    if not parts:
        parser.error(f"nothing has {options.only!r} in its name")
    if options.quick:
        for name, rows in parts.items():
            parts[name] = [replace(row, passed=None) if row.needs_size else row for row in rows]
    earlier = report.before(quick=options.quick)
    path = report.keep(parts, quick=options.quick)
    print(report.table(parts, earlier))
    print(f"\nKept in {path}", file=sys.stderr)
    return int(any(row.passed is False for rows in parts.values() for row in rows))


def _rows(name: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """What it measures; if it breaks, a row that says so, and the others still run."""
    began = time.monotonic()
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    try:
        rows = measure()
    except Exception as trouble:  # noqa: BLE001 - as in `make bench`
        traceback.print_exc()
        rows = [replace(report.broken(trouble), name=name)]
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


def an_hour(half: float, whole: float, seconds: float, cap: float) -> float:
    """USD of an hour that goes on as the second half of `seconds` did, `cap` at most.

    A cap that did not hold within `seconds` bounds nothing.
    """
    rate = max(0.0, whole - half) / (seconds / 2)
    estimate = whole + rate * max(0.0, HOUR - seconds)
    return estimate if whole > cap else min(estimate, cap)


def address_in(prefix: int) -> str:
    """Any address of one IPv6 network of this length, a part of what is reserved for documentation."""
    network = int(ipaddress.IPv6Address("2001:db8::"))
    return str(ipaddress.IPv6Address(network | secrets.randbits(128 - prefix)))


def _cost(attack: Attack, seconds: float) -> list[Row]:
    with shop({} if attack.prefix is None else {"TRUSTED_PROXIES": 1}) as lab:
        body = _body(lab, attack)
        with client(lab, through_socket=attack.through_socket) as caller:
            first = _order(caller, attack, body)
        if not first.startswith("20"):
            raise RuntimeError(f"the very first guest was refused: {first}")
        numbers = itertools.count(1)
        ends = time.monotonic() + seconds

        def guests() -> Counter[str]:
            answers: Counter[str] = Counter()
            with client(lab, through_socket=attack.through_socket) as caller:
                while time.monotonic() < ends and next(numbers) < MOST:
                    answers[_order(caller, attack, body)] += 1
            return answers

        with ThreadPoolExecutor(THREADS) as pool:
            running = [pool.submit(guests) for _ in range(THREADS)]
            time.sleep(seconds / 2)
            half, _pictures = _ordered(lab)
            answers = sum((each.result() for each in running), Counter([first]))
        whole, pictures = _ordered(lab)
    accepted = sum(number for answer, number in answers.items() if answer.startswith("20"))
    said = ", ".join(f"{answer}: {number:,}" for answer, number in answers.most_common())
    note = (
        f"{answers.total():,} attempts, {accepted:,} accepted, {pictures:,} pictures ordered, "
        f"{whole:.2f} USD held or spent in {seconds:g} s ({said})"
    )
    row = at_most(attack.name, an_hour(half, whole, seconds, CAP), "USD an hour", goal=CAP, note=note)
    return [replace(row, needs_size=False)]


def _body(lab: Lab, attack: Attack) -> dict[str, Any]:
    """What all guests send: the same small photo, or the id of the first house model."""
    if not attack.with_house_model:
        return {"data": FIVE, "files": {"photo": ("me.jpg", person(), "image/jpeg")}}
    with client(lab) as caller:
        start = caller.get("/try-on/api/start/", params={"product": PRODUCT}).json()
    return {"data": {**FIVE, "photo_id": start["house_models"][0]["id"]}}


def _order(caller: httpx.Client, attack: Attack, body: Mapping[str, Any]) -> str:
    headers = csrf()
    if attack.prefix is not None:
        headers["X-Forwarded-For"] = address_in(attack.prefix)
    return post(caller, headers, **body)


def _ordered(lab: Lab) -> tuple[float, int]:
    """USD, the larger of what the shop has booked and what the vendor has charged; and pictures."""
    books = lab.do("books")
    charged = lab.ask_gateway("GET", "ledger")["totals"]["amount"]
    paid = sum(attempt["amount"] for attempt in books["attempts"] if attempt["money"] != "free")
    usd = max(books["held"] + books["spent"], paid, charged) / MICROS
    return usd, round(paid / (float(ENGINES[ENGINE].price) * MICROS))


if __name__ == "__main__":
    sys.exit(main())
