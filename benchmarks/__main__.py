"""Run all parts or the given ones, print the table and save it. Exits with 1 if a goal is missed."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from importlib import import_module

from . import report

PARTS = (
    "throughput",
    "defaults",
    "lateness",
    "intake",
    "page",
    "products",
    "growth",
    "machines",
    "vendor_calls",
    "phone",
)
"""Modules of this package, in the order of the table."""


def main() -> int:
    """Run the parts; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("part", nargs="*", default=[], help=f"any of {', '.join(PARTS)}; default: all")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: a test that it works, not a measurement"
    )
    options = parser.parse_args()
    if unknown := set(options.part).difference(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return report.run(
        {
            name: {name: partial(import_module(f"benchmarks.{name}").measure, quick=options.quick)}
            for name in options.part or PARTS
        },
        quick=options.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
