"""Measures all parts or those that are named, prints the table, keeps it; exits 1 where a goal is missed."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from dataclasses import replace
from importlib import import_module

from . import report

PARTS = ("throughput", "lateness", "intake", "page", "growth", "machines", "cost", "phone")
"""Modules of this package, in the order of the table."""


def main() -> int:
    """Run what is named; the exit status."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("part", nargs="*", default=[], help=f"of {', '.join(PARTS)}; without any, all")
    parser.add_argument(
        "--quick", action="store_true", help="small numbers: shows that it works, not how fast"
    )
    options = parser.parse_args()
    unknown = set(options.part).difference(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts: report.Parts = {}
    for name in options.part or PARTS:
        began = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        try:
            rows = import_module(f"benchmarks.{name}").measure(quick=options.quick)
        except Exception as trouble:  # noqa: BLE001 - what the other parts measured is not lost with it
            traceback.print_exc()
            rows = [report.broken(trouble)]
        parts[name] = [replace(row, passed=None) if options.quick and row.needs_size else row for row in rows]
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    earlier = report.before(quick=options.quick)
    path = report.keep(parts, quick=options.quick)
    print(report.table(parts, earlier))
    print(f"\nKept in {path}", file=sys.stderr)
    return int(any(row.passed is False for rows in parts.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
