"""The benchmarks run. How fast it is, `make bench` tells."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.abuse import address_in, an_hour
from benchmarks.report import Row, at_least, at_most, before, exactly, left_out, table, told

ROOT = Path(__file__).resolve().parents[1]


needs_gunicorn = pytest.mark.skipif(not find_spec("gunicorn"), reason="the group `bench` is not installed")


def run(folder: Path, *args: str) -> tuple[str, list[dict[str, Any]]]:
    """What a quick run prints, and its rows."""
    env = {**os.environ, "BENCH_RESULTS": str(folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"}
    command = [sys.executable, "-m", *args, "--quick"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = folder.glob("*-quick.json")
    return done.stdout, [row for rows in json.loads(kept.read_text())["parts"].values() for row in rows]


@needs_gunicorn
def test_all_parts_run_on_small_numbers(tmp_path: Path) -> None:
    printed, rows = run(tmp_path, "benchmarks")
    assert "ours over (c)" in printed
    assert all(row["measured"] is not None or row["note"].startswith("left out: ") for row in rows)


@needs_gunicorn
def test_an_attack_on_a_running_shop_orders_no_more_than_one_address_may(tmp_path: Path) -> None:
    printed, (row,) = run(tmp_path, "benchmarks.abuse", "--only", "Unix socket")
    assert "a Unix socket" in printed
    assert row["passed"] is True
    ordered = re.search(r"([0-9]+) accepted, ([0-9]+) pictures ordered", row["note"])
    assert ordered, row["note"]
    accepted, pictures = map(int, ordered.groups())
    assert 1 <= accepted <= 20
    assert pictures == 5 * accepted


def test_goals_are_judged() -> None:
    def judged(row: Row) -> bool | None:
        return row.passed

    assert judged(at_least("speed", 200, "x", goal=200))
    assert judged(at_least("speed", 199.9, "x", goal=200)) is False
    assert judged(at_most("lateness", 0.5, "s", goal=0.5))
    assert judged(at_most("lateness", 0.51, "s", goal=0.5)) is False
    assert judged(exactly("submits", 1.0, "each", goal=1))
    assert judged(exactly("submits", 1.01, "each", goal=1)) is False
    assert judged(told("rate", 5, "/s")) is None
    assert judged(left_out("S3", "no moto")) is None


def test_a_run_is_compared_with_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.report.RESULTS", tmp_path)
    monkeypatch.setattr("benchmarks.report.REFERENCE", tmp_path / "none.json")
    for day, measured in (("01", 10.0), ("02", 20.0)):
        run = {"quick": False, "parts": {"a": [{"name": "rate", "measured": measured}]}}
        (tmp_path / f"2030-01-{day}.json").write_text(json.dumps(run))
    earlier = before(quick=False)
    assert "| rate | 30 /s |  |  | 1.50x |" in table({"a": [told("rate", 30, "/s")]}, earlier)
    assert before(quick=True) == {}


@pytest.mark.parametrize(
    ("half", "whole", "hour"),
    [
        (7.5, 7.5, 7.5),  # A quota ended it.
        (0.0, 0.1, 12.0),  # 0.1 USD in the second half of a minute.
        (3.0, 6.0, 25.0),  # 360 USD, were it not for the cap.
        (25.0, 25.0, 25.0),
        (10.0, 26.0, 1914.0),  # The cap did not hold, so it bounds nothing.
        (7.5, 7.0, 7.0),  # A failed render cost nothing after all.
    ],
)
def test_an_hour_of_an_attack_goes_on_as_its_second_half_did(half: float, whole: float, hour: float) -> None:
    assert an_hour(half, whole, seconds=60, cap=25) == pytest.approx(hour, abs=0.2)


@pytest.mark.parametrize("prefix", [64, 56, 48, 32])
def test_guests_of_an_ipv6_network_have_many_addresses_in_it(prefix: int) -> None:
    found = [ipaddress.ip_address(address_in(prefix)) for _ in range(50)]
    network = ipaddress.ip_network(f"2001:db8::/{prefix}")
    assert all(address in network for address in found)
    assert len(set(found)) == 50
    if prefix < 64:
        assert len({ipaddress.ip_network((address, prefix + 8), strict=False) for address in found}) > 20
