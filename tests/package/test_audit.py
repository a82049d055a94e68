"""Whether `pyproject.toml` lets in a release with a known hole; `make audit` asks for all that it needs."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.package.audit import ADVISORIES, ROOT, by_list, read

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMED = [
    Requirement(line)
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in lines
]
FLOORS: dict[str, str] = {
    canonicalize_name(it.name): specifier.version
    for it in NAMED
    for specifier in it.specifier
    if specifier.operator == ">="
}


@pytest.mark.parametrize("package", FLOORS)
def test_the_lowest_version_has_no_known_hole(package: str) -> None:
    assert by_list({package: FLOORS[package]}) == []


def test_everything_has_a_floor() -> None:
    assert {canonicalize_name(it.name) for it in NAMED} == FLOORS.keys()


@pytest.mark.parametrize(
    ("package", "version", "holes"),
    [
        ("django", "5.2.18", 1),
        ("django", "5.2.19", 0),
        ("django", "5.2", 1),
        ("django", "6.0.9", 1),
        ("django", "6.0.10", 0),
        ("django", "6.1.2", 1),
        ("djangorestframework", "3.16.0", 2),
        ("djangorestframework", "3.18.2", 0),
        ("pillow-heif", "1.0.0", 4),
        ("something-else", "0.1", 0),
    ],
)
def test_the_list_knows_lines_apart(package: str, version: str, holes: int) -> None:
    assert len(by_list({package: version})) == holes


def test_what_pip_audit_passes_over_counts_as_not_looked_up() -> None:
    hole = {"id": "CVE-1", "fix_versions": ["2.1"], "aliases": [], "description": ""}
    rows: list[dict[str, Any]] = [
        {"name": "a", "version": "1", "vulns": []},
        {"name": "b", "version": "2", "vulns": [hole]},
        {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (3)"},
    ]
    assert read(rows) == (["b 2: CVE-1; fixed in 2.1"], 2)


def test_the_list_is_in_order() -> None:
    dates = [advisory.date for advisory in ADVISORIES]
    assert dates == sorted(dates, reverse=True)
