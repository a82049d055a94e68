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
from noxfile import SUPPORTED

from .conftest import ROOT

REQUIRED = {
    "templates/vton/dialog/": ".html",
    "templates/admin/": ".html",
    "static/vton/": ".js",
    "locale/de/LC_MESSAGES/": ".mo",
    "locale/ar/LC_MESSAGES/": ".mo",
    "migrations/0001_initial": ".py",
    "management/commands/": ".py",
    "py": ".typed",
}
"""At least one file of each kind: two equal lists could both be incomplete."""


def package_files(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("django_vton/")}


def test_the_wheel_contains_only_the_package(wheel: Path, tracked: set[str]) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"django_vton-{django_vton.__version__}.dist-info/"
    assert package_files(names) == package_files(tracked)
    assert {name for name in names - package_files(names) if not name.startswith(info)} == set()
    assert f"{info}licenses/LICENSE" in names
    for start, end in REQUIRED.items():
        assert [name for name in names if name.startswith(f"django_vton/{start}") and name.endswith(end)]


def test_the_source_distribution_contains_the_package_and_its_metadata(dist: Path, tracked: set[str]) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames() if not tar.getmember(name).isdir()}
    assert package_files(names) == package_files(tracked)
    metadata_files = {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert names - package_files(names) == metadata_files


def test_the_metadata_states_license_and_supported_versions(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    assert metadata["Version"] == django_vton.__version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Requires-Python"] == ">=3.11"
    classifiers = metadata.get_all("Classifier", [])
    supported = {
        "Programming Language :: Python": set(SUPPORTED),
        "Framework :: Django": set(chain(*SUPPORTED.values())),
    }
    for kind, numbers in supported.items():
        listed = {name.rpartition(" :: ")[2] for name in classifiers if name.startswith(kind)}
        assert {name for name in listed if "." in name} == numbers


def test_the_changelog_begins_with_this_version() -> None:
    first = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert re.fullmatch(rf"## {re.escape(django_vton.__version__)}, (unreleased|\d{{4}}-\d\d-\d\d)", first)


def test_no_migration_is_missing_in_an_installed_package(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")  # noqa: S202 - built by this test
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

    path = django("shell", "--command", "import django_vton; print(django_vton.__file__)")
    assert str(tmp_path / "site") in path
    assert "No changes detected" in django("makemigrations", "--check", "--dry-run", "vton")
