"""Databases for shop processes without a web server and a queue."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.live_shop import MANAGE

POSTGRES = "postgres://postgres@127.0.0.1:5432"
ROOT = Path(__file__).resolve().parents[1]


def environment(url: str, folder: Path) -> dict[str, str]:
    """The environment of a shop process."""
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


def run_module(module: str, *args: object, env: dict[str, str]) -> Any:
    """Run a module; returns its last line of output, parsed as JSON. Raises RuntimeError if it fails."""
    command = [sys.executable, "-m", module, *map(str, args)]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def migrated(database: str, folder: Path) -> Iterator[str]:
    """An empty database with all tables, as the template for `copy`."""
    with copy("" if database == "SQLite" else "template1", folder, f"{os.getpid()}_empty") as url:
        command = [sys.executable, str(MANAGE), "migrate", "--verbosity", "0"]
        subprocess.run(command, env=environment(url, folder / "empty"), check=True)
        yield url.rpartition("/")[2] if database == "PostgreSQL" else url.removeprefix("sqlite:///")


@contextmanager
def copy(template: str, folder: Path, name: str) -> Iterator[str]:
    """A copy of the template; yields its URL."""
    if not template or template.startswith("/"):
        path = folder / f"{name}.sqlite3"
        if template:
            shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    with postgres_database(name, template) as url:
        yield url


@contextmanager
def postgres_database(name: str, template: str = "template1") -> Iterator[str]:
    """A PostgreSQL database, dropped afterwards; yields its URL."""
    name = f"vton_bench_{name}"
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    try:
        yield f"{POSTGRES}/{name}"
    finally:
        with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
