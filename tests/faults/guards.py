"""Every guard of the money, and how to take it away: `make guards` does so, one at a time, and wants red.

A guard that no test misses is either needless or untested, and both are defects.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Guard:
    """Replace `old`, which stands in `file` just once, by `new`, and one of `tests` fails."""

    name: str
    file: str
    old: str
    new: str
    tests: str
    postgresql: bool = False
    """On SQLite one writer at a time does without it: seen red with `DATABASE_URL` alone."""

    @property
    def path(self) -> Path:
        return Path("django_vton") / self.file


GUARDS = [Guard(**row) for row in tomllib.loads(LIST.read_text())["guard"]]


def first_red(guard: Guard, tree: Path) -> str:
    """The first test that fails without it; "" where none does."""
    path = tree / guard.path
    whole = path.read_text()
    path.write_text(whole.replace(guard.old, guard.new))
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *guard.tests.split()]
    try:
        done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    finally:
        path.write_text(whole)
    red = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return red[1] if red and done.returncode == 1 else ""


def main() -> int:
    """Try each guard, or those whose name has the words given; 1 where one is not missed."""
    words = " ".join(sys.argv[1:])
    is_postgresql = os.environ.get("DATABASE_URL", "").startswith("postgres")
    needless = 0
    with tempfile.TemporaryDirectory(prefix="vton-guards-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "var", "__pycache__"))
        for guard in GUARDS:
            if words not in guard.name or (guard.postgresql and not is_postgresql):
                continue
            red = first_red(guard, tree)
            needless += not red
            print(f"{guard.name}: {red or 'NEEDLESS: every test is green without it'}", flush=True)  # noqa: T201 - a command
    return needless


if __name__ == "__main__":
    sys.exit(main())
