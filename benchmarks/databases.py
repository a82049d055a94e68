"""Databases for processes of the shop that need neither a web server nor a queue."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.running import MANAGE

from .lab import ROOT, on_postgres


def env(url: str, folder: Path) -> dict[str, str]:
    """The environment of a process of a shop."""
    paths = [str(ROOT), str(ROOT / "example_project"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "DATABASE_URL": url,
        "MEDIA_ROOT": str(folder / "media"),
        "SECRET_KEY": "bench",
        "DEBUG": "0",
    }


@contextmanager
def migrated(database: str, folder: Path) -> Iterator[str]:
    """An empty database with all tables, from which the others are copied."""
    with copy("" if database == "SQLite" else "template1", folder, f"{os.getpid()}_empty") as url:
        command = [sys.executable, str(MANAGE), "migrate", "--verbosity", "0"]
        subprocess.run(command, env=env(url, folder / "empty"), check=True)
        yield url.rpartition("/")[2] if database == "PostgreSQL" else url.removeprefix("sqlite:///")


@contextmanager
def copy(template: str, folder: Path, name: str) -> Iterator[str]:
    """A database like the template; its URL."""
    if not template or template.startswith("/"):
        path = folder / f"{name}.sqlite3"
        if template:
            shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    with on_postgres(name, template) as url:
        yield url
