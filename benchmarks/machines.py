"""Many machines: PostgreSQL, Redis, S3, two web servers, and up to three qclusters; one is killed."""

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

from tests.live_shop import free_port, is_listening, wait_until

from .deployment import Deployment
from .network import Machine, PortForwarder, has_namespaces
from .report import Row, at_least, exactly, info, skipped

REDIS = 6379
BROKER = f"redis://127.0.0.1:{REDIS}/12"
QUEUE = f"vton-bench-{os.getpid()}"
"""A unique name, since other applications may use the same Redis database."""

VTON = {"SUBMIT_CONCURRENCY": 4, "DISPATCHERS": 3, "DEADLINE": 60}
WEBS, CLUSTERS = 2, 3


@dataclass(frozen=True)
class Size:
    """The number of try-ons, the seconds per render, and the seconds per submit.

    The latter makes concurrency the limit, and not the processors that all these machines share.
    """

    number: int
    seconds: float = 3
    submit_seconds: float = 2


FULL = Size(number=120)
QUICK = Size(number=12, seconds=1, submit_seconds=0.3)


def measure(*, quick: bool) -> list[Row]:
    """One qcluster, then three. In a full run, also kill one, whose leases take a minute to expire."""
    if missing := _missing():
        return [skipped("many machines", missing)]
    size = QUICK if quick else FULL
    with _shop(size) as (deployment, forwarder):
        rates: list[float] = []
        machines: list[Machine] = []
        for clusters in (1, CLUSTERS):
            while len(machines) < clusters:
                machines.append(_start_cluster(deployment, forwarder, len(machines)))
            rates.append(_rate(deployment, size))
        problems = _kill_one(deployment, size) if not quick else {}
        for machine in machines:
            machine.stop()
    return _rows(size, rates, problems)


def _rows(size: Size, rates: list[float], problems: dict[str, int]) -> list[Row]:
    where = "each in a network namespace" if has_namespaces() else "plain processes: no namespaces here"
    note = f"{size.number} try-ons; a submit takes {size.submit_seconds:g} s; {where}"
    one, three = rates
    return [
        info("one qcluster of one worker", one, "/s", note=note),
        info("three", three, "/s"),
        at_least("three over one", three / one, "x", goal=2),
        *[exactly(f"three, one killed: {name}", count, "", goal=0) for name, count in problems.items()],
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
def _shop(size: Size) -> Iterator[tuple[Deployment, PortForwarder]]:
    """Everything except the qclusters."""
    bucket = free_port()
    env = {
        "REDIS_URL": BROKER,
        "BENCH_QUEUE": QUEUE,
        "BENCH_S3": f"http://127.0.0.1:{bucket}",
        "QCLUSTER_WORKERS": "1",
    }
    webs = [(Machine(), free_port()) for _ in range(WEBS)]
    try:
        with Deployment(seconds=size.seconds, vton=VTON, env=env) as deployment, PortForwarder() as forwarder:
            deployment.spawn("s3", sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(bucket))
            wait_until(lambda: is_listening(bucket), "the S3 storage listens")
            _make_bucket(f"http://127.0.0.1:{bucket}")
            for machine, port in webs:
                forwarder.forward(machine, _services(deployment))
                deployment.start_web_server(f"web-{port}", port, machine.prefix)
            forwarder.load_balance(deployment.port, webs)
            for _ in webs:
                wait_until(deployment.is_web_ready, "the shop responds")
            deployment.call_gateway("POST", "scenario", submit_seconds=size.submit_seconds, times=None)
            yield deployment, forwarder
    finally:
        for machine, _port in webs:
            machine.stop()
        with redis.Redis.from_url(BROKER) as broker:
            for key in broker.scan_iter(f"django_q:{QUEUE}:*"):
                broker.delete(key)


def _services(deployment: Deployment) -> list[int]:
    return [5432, REDIS, deployment.gateway_port, int(deployment.env["BENCH_S3"].rpartition(":")[2])]


def _make_bucket(url: str) -> None:
    import boto3

    keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="vton")


def _start_cluster(deployment: Deployment, forwarder: PortForwarder, number: int) -> Machine:
    machine = Machine()
    forwarder.forward(machine, _services(deployment))
    deployment.start_workers(f"workers-{number}", machine.prefix)
    return machine


def _rate(deployment: Deployment, size: Size) -> float:
    began: float = deployment.call("enqueue", number=size.number)
    deployment.wait_until_all_end(seconds=300)
    ends: list[float] = [
        row["ended"] for row in deployment.call("accounting")["requests"] if row["ended"] > began
    ]
    return len(ends) / (max(ends) - began)


def _kill_one(deployment: Deployment, size: Size) -> dict[str, int]:
    """Kill the last qcluster when a third is done; returns the number of errors of each kind."""
    before = deployment.count("state = 'completed'")
    deployment.call("enqueue", number=size.number)
    third = before + size.number // 3
    wait_until(lambda: deployment.count("state = 'completed'") >= third, "a third is done", seconds=300)
    deployment.kill(f"workers-{CLUSTERS - 1}")
    deployment.wait_until_all_end(seconds=300)
    return _audit(deployment.call("accounting"), deployment.call_gateway("GET", "ledger"))


def _audit(accounting: dict[str, Any], ledger: dict[str, Any]) -> dict[str, int]:
    """Compare the shop's accounting with the vendor's."""
    results = {row["id"]: row["code"] or row["state"] for row in accounting["requests"]}
    unknown = sum(result == "outcome_unknown" for result in results.values())
    charged = [entry["request_id"] for entry in ledger["submits"] if entry["amount"]]
    known = {row["vendor_id"]: row["request"] for row in accounting["attempts"]}
    times = Counter(known[vendor_id] for vendor_id in charged if vendor_id in known)
    attempts = sum(row["money"] == "spent" for row in accounting["attempts"])
    return {
        "lost": sum(result not in {"completed", "outcome_unknown"} for result in results.values()),
        "charged but not recorded": len(set(charged) - known.keys()),
        "charged twice": sum(count > 1 for count in times.values()),
        "recorded as spent, but neither charged nor unknown": max(0, attempts - len(charged) - unknown),
        "micro-USD still held": accounting["held"],
    }
