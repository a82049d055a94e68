"""`make guards` removes every guard of the money, one at a time, and expects a test to fail.

A guard whose removal fails no test is needless or untested. Both are defects.
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
    """If `old`, which occurs once in `file`, is replaced by `new`, one of `tests` fails."""

    name: str
    file: str
    old: str
    new: str
    tests: str
    postgresql: bool = False
    """SQLite, with one writer at a time, does not need it: tried only if `DATABASE_URL` names PostgreSQL."""

    @property
    def path(self) -> Path:
        return Path("django_vton") / self.file


GUARDS = [Guard(**row) for row in tomllib.loads(LIST.read_text())["guard"]]


def first_failure(guard: Guard, tree: Path) -> str:
    """The first test that fails without this guard, or "" if none does."""
    path = tree / guard.path
    whole = path.read_text()
    path.write_text(whole.replace(guard.old, guard.new))
    # Bytecode is stored, since the first run of a test lasts longer than the second in which it is valid.
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *guard.tests.split()]
    try:
        done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    finally:
        path.write_text(whole)
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return failed[1] if failed and done.returncode == 1 else ""


def main() -> int:
    """Try each guard, or those whose name contains the given words. Return how many are needless."""
    words = " ".join(sys.argv[1:])
    is_postgresql = os.environ.get("DATABASE_URL", "").startswith("postgres")
    needless = 0
    with tempfile.TemporaryDirectory(prefix="vton-guards-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "var", "__pycache__"))
        for guard in GUARDS:
            if words not in guard.name or (guard.postgresql and not is_postgresql):
                continue
            failure = first_failure(guard, tree)
            needless += not failure
            print(f"{guard.name}: {failure or 'NEEDLESS: all tests pass without it'}", flush=True)  # noqa: T201 - a command
    return needless


if __name__ == "__main__":
    sys.exit(main())
