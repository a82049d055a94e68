"""The benchmarks run. How fast it is, `make bench` tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.report import Row, at_least, at_most, before, exactly, left_out, table, told

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(not find_spec("gunicorn"), reason="the group `bench` is not installed")
def test_all_parts_run_on_small_numbers(tmp_path: Path) -> None:
    env = {**os.environ, "BENCH_RESULTS": str(tmp_path), "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ours over (c)" in done.stdout
    (kept,) = tmp_path.glob("*-quick.json")
    rows = [row for rows in json.loads(kept.read_text())["parts"].values() for row in rows]
    assert all(row["measured"] is not None or row["note"].startswith("left out: ") for row in rows)


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
