"""The benchmarks run. `make bench` measures the speed."""

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

from benchmarks.abuse import hourly_cost, random_address
from benchmarks.report import at_least, at_most, exactly, info, previous_figures, skipped, table

ROOT = Path(__file__).resolve().parents[1]

needs_gunicorn = pytest.mark.skipif(not find_spec("gunicorn"), reason="the group `bench` is not installed")


def run_quick(results: Path, *args: str) -> tuple[str, list[dict[str, Any]]]:
    """The output of a quick run, and its rows."""
    env = {**os.environ, "BENCH_RESULTS": str(results), "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"}
    command = [sys.executable, "-m", *args, "--quick"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (saved,) = results.glob("*-quick.json")
    return done.stdout, [row for rows in json.loads(saved.read_text())["parts"].values() for row in rows]


@needs_gunicorn
def test_all_parts_run_with_small_sizes(tmp_path: Path) -> None:
    output, rows = run_quick(tmp_path, "benchmarks")
    assert "ours over (d)" in output
    assert all(row["measured"] is not None or row["note"].startswith("skipped: ") for row in rows)


@needs_gunicorn
def test_an_attack_on_a_running_shop_stays_below_the_quota_of_one_address(tmp_path: Path) -> None:
    output, (row,) = run_quick(tmp_path, "benchmarks.abuse", "--only", "Unix socket")
    assert "a Unix socket" in output
    assert row["passed"] is True
    counts = re.search(r"([0-9]+) accepted, ([0-9]+) images ordered", row["note"])
    assert counts, row["note"]
    accepted, images = map(int, counts.groups())
    assert 1 <= accepted <= 20
    assert images == 5 * accepted


def test_a_figure_passes_if_it_meets_its_goal() -> None:
    assert at_least("speed", 200, "x", goal=200).passed
    assert at_least("speed", 199.9, "x", goal=200).passed is False
    assert at_most("lateness", 0.5, "s", goal=0.5).passed
    assert at_most("lateness", 0.51, "s", goal=0.5).passed is False
    assert exactly("submits", 1.0, "each", goal=1).passed
    assert exactly("submits", 1.01, "each", goal=1).passed is False
    assert info("rate", 5, "/s").passed is None
    assert skipped("S3", "no moto").passed is None


def test_a_run_is_compared_with_the_previous_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.report.RESULTS", tmp_path)
    monkeypatch.setattr("benchmarks.report.REFERENCE", tmp_path / "none.json")
    for day, measured in (("01", 10.0), ("02", 20.0)):
        run = {"quick": False, "parts": {"a": [{"name": "rate", "measured": measured}]}}
        (tmp_path / f"2030-01-{day}.json").write_text(json.dumps(run))
    assert "| rate | 30 /s |  |  | 1.50x |" in table(
        {"a": [info("rate", 30, "/s")]}, previous_figures(quick=False)
    )
    assert previous_figures(quick=True) == {}


@pytest.mark.parametrize(
    ("half", "whole", "hour"),
    [
        (7.5, 7.5, 7.5),  # A quota stopped it.
        (0.0, 0.1, 12.0),  # 0.1 USD in the second half of a minute.
        (3.0, 6.0, 25.0),  # Without the cap it would be 360 USD.
        (25.0, 25.0, 25.0),
        (10.0, 26.0, 1914.0),  # The cap was exceeded, so it does not limit the estimate.
        (7.5, 7.0, 7.0),  # A failed render turned out to be free.
    ],
)
def test_the_cost_of_an_hour_is_extrapolated_from_the_second_half(
    half: float, whole: float, hour: float
) -> None:
    assert hourly_cost(half, whole, seconds=60, cap=25) == pytest.approx(hour, abs=0.2)


@pytest.mark.parametrize("prefix", [64, 56, 48, 32])
def test_random_addresses_are_spread_over_the_ipv6_network(prefix: int) -> None:
    addresses = [ipaddress.ip_address(random_address(prefix)) for _ in range(50)]
    network = ipaddress.ip_network(f"2001:db8::/{prefix}")
    assert all(address in network for address in addresses)
    assert len(set(addresses)) == 50
    if prefix < 64:
        assert len({ipaddress.ip_network((address, prefix + 8), strict=False) for address in addresses}) > 20
