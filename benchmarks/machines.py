"""Many machines: PostgreSQL, Redis, an S3 storage, two web servers, one or three qclusters; one is killed."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import redis

from tests.running import free_port, is_listening, until

from .lab import Lab
from .network import Machine, Wires, has_namespaces
from .report import Row, at_least, exactly, left_out, told

REDIS = 6379
BROKER = f"redis://127.0.0.1:{REDIS}/12"
QUEUE = f"vton-bench-{os.getpid()}"
"""A name of its own: no number of a Redis is surely nobody else's, so nothing else in it is ever touched."""

VTON = {"SUBMIT_CONCURRENCY": 4, "DISPATCHERS": 3, "DEADLINE": 60}
WEBS, CLUSTERS = 2, 3


@dataclass(frozen=True)
class Size:
    """How many; how long a render takes, and how long the vendor takes to answer a submit.

    The latter makes the widths the limit, and not the processors that all of these machines share.
    """

    number: int
    seconds: float = 3
    submit_seconds: float = 2


FULL = Size(number=120)
QUICK = Size(number=12, seconds=1, submit_seconds=0.3)


def measure(*, quick: bool) -> list[Row]:
    """One qcluster, three, and in a full run three of which one is killed, which costs a minute of leases."""
    why = _missing()
    if why:
        return [left_out("many machines", why)]
    size = QUICK if quick else FULL
    with _shop(size) as (lab, wires):
        rates: list[float] = []
        machines: list[Machine] = []
        for clusters in (1, CLUSTERS):
            while len(machines) < clusters:
                machines.append(_start_cluster(lab, wires, len(machines)))
            rates.append(_rate(lab, size))
        found = _with_one_killed(lab, size) if not quick else {}
        for machine in machines:
            machine.stop()
    return _rows(size, rates, found)


def _rows(size: Size, rates: list[float], found: dict[str, int]) -> list[Row]:
    where = "a network namespace each" if has_namespaces() else "plain processes: no namespaces here"
    note = f"{size.number} try-ons; a submit takes {size.submit_seconds:g} s; {where}"
    one, three = rates
    return [
        told("one qcluster of one worker", one, "/s", note=note),
        told("three", three, "/s"),
        at_least("three over one", three / one, "x", goal=2),
        *[exactly(f"three, one killed: {name}", count, "", goal=0) for name, count in found.items()],
    ]


def _missing() -> str:
    for name, port in (("PostgreSQL", 5432), ("Redis", REDIS)):
        if not is_listening(port):
            return f"{name} does not listen on 127.0.0.1:{port}"
    for module in ("moto", "storages"):
        if not find_spec(module):
            return f"`{module}` is not installed"
    return ""


@contextmanager
def _shop(size: Size) -> Iterator[tuple[Lab, Wires]]:
    """All but the qclusters."""
    bucket = free_port()
    env = {
        "REDIS_URL": BROKER,
        "BENCH_QUEUE": QUEUE,
        "BENCH_S3": f"http://127.0.0.1:{bucket}",
        "QCLUSTER_WORKERS": "1",
    }
    webs = [(Machine(), free_port()) for _ in range(WEBS)]
    try:
        with Lab(seconds=size.seconds, vton=VTON, env=env) as lab, Wires() as wires:
            lab.spawn("s3", sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(bucket))
            until(lambda: is_listening(bucket), "the S3 storage listens")
            _make_bucket(f"http://127.0.0.1:{bucket}")
            for machine, port in webs:
                wires.bring(machine, _services(lab))
                lab.start_web(f"web-{port}", port, machine.prefix)
            wires.balance(lab.port, webs)
            for _ in webs:
                until(lab.answers, "the shop answers")
            lab.ask_gateway("POST", "scenario", submit_seconds=size.submit_seconds, times=None)
            yield lab, wires
    finally:
        for machine, _port in webs:
            machine.stop()
        with redis.Redis.from_url(BROKER) as broker:
            for key in broker.scan_iter(f"django_q:{QUEUE}:*"):
                broker.delete(key)


def _services(lab: Lab) -> list[int]:
    return [5432, REDIS, lab.gateway_port, int(lab.env["BENCH_S3"].rpartition(":")[2])]


def _make_bucket(url: str) -> None:
    import boto3

    keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="vton")


def _start_cluster(lab: Lab, wires: Wires, number: int) -> Machine:
    machine = Machine()
    wires.bring(machine, _services(lab))
    lab.start_workers(f"workers-{number}", machine.prefix)
    return machine


def _rate(lab: Lab, size: Size) -> float:
    began: float = lab.do("queue", number=size.number)
    lab.wait_for_rest(seconds=300)
    ends: list[float] = [row["ended"] for row in lab.do("books")["requests"] if row["ended"] > began]
    return len(ends) / (max(ends) - began)


def _with_one_killed(lab: Lab, size: Size) -> dict[str, int]:
    """The last one, once a third is done; what became of the try-ons, by what must not be."""
    before = lab.count("state = 'completed'")
    lab.do("queue", number=size.number)
    third = before + size.number // 3
    until(lambda: lab.count("state = 'completed'") >= third, "a third is done", seconds=300)
    lab.kill(f"workers-{CLUSTERS - 1}")
    lab.wait_for_rest(seconds=300)
    return _audit(lab.do("books"), lab.ask_gateway("GET", "ledger"))


def _audit(books: dict[str, Any], ledger: dict[str, Any]) -> dict[str, int]:
    """The shop's books beside the vendor's."""
    fates = {row["id"]: row["code"] or row["state"] for row in books["requests"]}
    unknown = sum(fate == "outcome_unknown" for fate in fates.values())
    charged = [entry["request_id"] for entry in ledger["submits"] if entry["amount"]]
    known = {row["vendor_id"]: row["request"] for row in books["attempts"]}
    times = Counter(known[each] for each in charged if each in known)
    attempts = sum(row["money"] == "spent" for row in books["attempts"])
    return {
        "lost": sum(fate not in {"completed", "outcome_unknown"} for fate in fates.values()),
        "charged and not in the books": len(set(charged) - known.keys()),
        "charged twice": sum(count > 1 for count in times.values()),
        "money spent and neither charged nor in doubt": max(0, attempts - len(charged) - unknown),
        "micro-USD still held": books["held"],
    }
