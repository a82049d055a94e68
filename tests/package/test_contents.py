"""What a shop gets: all that the package needs, and nothing that only its makers do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from itertools import chain
from pathlib import Path

import django_vton
from noxfile import TOGETHER

from .conftest import ROOT

KINDS = {
    "templates/vton/dialog/": ".html",
    "templates/admin/": ".html",
    "static/vton/": ".js",
    "locale/de/LC_MESSAGES/": ".mo",
    "locale/ar/LC_MESSAGES/": ".mo",
    "migrations/0001_initial": ".py",
    "management/commands/": ".py",
    "py": ".typed",
}
"""Each has to be there: two lists that are equal may both be short."""


def parts(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("django_vton/")}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, tracked: set[str]) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"django_vton-{django_vton.__version__}.dist-info/"
    assert parts(names) == parts(tracked)
    assert {name for name in names - parts(names) if not name.startswith(info)} == set()
    assert f"{info}licenses/LICENSE" in names
    for start, end in KINDS.items():
        assert [name for name in names if name.startswith(f"django_vton/{start}") and name.endswith(end)]


def test_the_source_distribution_builds_the_same(dist: Path, tracked: set[str]) -> None:
    (packed,) = dist.glob("*.tar.gz")
    with tarfile.open(packed) as tar:
        names = {name.partition("/")[2] for name in tar.getnames() if not tar.getmember(name).isdir()}
    assert parts(names) == parts(tracked)
    made = {name for name in names if name.startswith("django_vton.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    rest = {"CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}
    assert names - parts(names) - made == rest


def test_its_page_in_the_index_says_whom_it_is_for(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith("METADATA")]
        said = Parser().parsestr(packed.read(name).decode())
    assert said["Version"] == django_vton.__version__
    assert said["License-Expression"] == "BSD-3-Clause"
    assert said["Description-Content-Type"] == "text/markdown"
    assert said["Requires-Python"] == ">=3.11"
    classifiers = said.get_all("Classifier", [])
    tested = {
        "Programming Language :: Python": set(TOGETHER),
        "Framework :: Django": set(chain(*TOGETHER.values())),
    }
    for kind, numbers in tested.items():
        named = {name.rpartition(" :: ")[2] for name in classifiers if name.startswith(kind)}
        assert {name for name in named if "." in name} == numbers


def test_the_changelog_begins_with_this_version() -> None:
    first = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert re.fullmatch(rf"## {re.escape(django_vton.__version__)}, (unreleased|\d{{4}}-\d\d-\d\d)", first)


def test_no_migration_is_missing_in_an_installed_package(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")  # noqa: S202 - made here
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT / "example_project")]),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }

    def django(*args: str) -> str:
        command = [sys.executable, "-m", "django", *args]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = django("shell", "--command", "import django_vton; print(django_vton.__file__)")
    assert str(tmp_path / "site") in where
    assert "No changes detected" in django("makemigrations", "--check", "--dry-run", "vton")
