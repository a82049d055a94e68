"""`pyproject.toml` excludes releases with known vulnerabilities."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.package.audit import ADVISORIES, ROOT, check_with_list, parse_pip_audit

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    Requirement(line)
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in lines
]
MINIMUMS: dict[str, str] = {
    canonicalize_name(it.name): specifier.version
    for it in REQUIREMENTS
    for specifier in it.specifier
    if specifier.operator == ">="
}


@pytest.mark.parametrize("package", MINIMUMS)
def test_the_minimum_version_has_no_known_vulnerability(package: str) -> None:
    assert check_with_list({package: MINIMUMS[package]}) == []


def test_every_dependency_has_a_minimum_version() -> None:
    assert {canonicalize_name(it.name) for it in REQUIREMENTS} == MINIMUMS.keys()


@pytest.mark.parametrize(
    ("package", "version", "expected"),
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
def test_advisories_apply_to_their_release_line(package: str, version: str, expected: int) -> None:
    assert len(check_with_list({package: version})) == expected


def test_packages_that_pip_audit_skips_are_not_counted() -> None:
    vulnerability = {"id": "CVE-1", "fix_versions": ["2.1"], "aliases": [], "description": ""}
    rows: list[dict[str, Any]] = [
        {"name": "a", "version": "1", "vulns": []},
        {"name": "b", "version": "2", "vulns": [vulnerability]},
        {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (3)"},
    ]
    assert parse_pip_audit(rows) == (["b 2: CVE-1; fixed in 2.1"], 2)


def test_the_list_is_sorted_by_date() -> None:
    dates = [advisory.date for advisory in ADVISORIES]
    assert dates == sorted(dates, reverse=True)
