"""What try-on costs the shop's own pages: the button on a list of 100 products, and a poll without news."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import databases
from .lab import ROOT
from .report import Row, at_most, exactly, told

PRODUCTS = 100
ROUNDS = 200
QUICK = 5


def measure(*, quick: bool) -> list[Row]:
    """In a shop of its own; seconds are the processor's."""
    rounds = QUICK if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="vton-bench-") as name:
        folder = Path(name)
        with (
            databases.migrated("SQLite", folder) as template,
            databases.copy(template, folder, "shop") as url,
        ):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.listing", str(PRODUCTS), str(rounds)],
                env=databases.env(url, folder),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with_tag, without = 1000 * found["with"], 1000 * found["without"]
    words = f"{with_tag:.1f} ms with, {without:.1f} ms without; cards with name, price, picture and link"
    polls = found["polls"]
    told_of = {
        "guest, session in the database": "Django's session, and the try-on",
        "user, session in the database": "Django's session and user, and the try-on",
        "guest, session in a cookie or cache": "the try-on",
    }
    return [
        exactly("queries of the buttons of 100 products", found["queries"], "", goal=0),
        at_most("buttons of 100 products", with_tag - without, "ms", goal=5, note=words),
        told("the list with them, to without", with_tag / without, "x"),
        exactly("queries of our own in a poll that is answered 304", polls["own"], "", goal=1),
        *(told(f"all queries of a poll: {who}", polls[who], "", note=what) for who, what in told_of.items()),
    ]
