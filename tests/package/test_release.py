"""What `make release-check` decides by itself; the rest is decided by tools."""

from __future__ import annotations

import pytest

from tests.package.release import CheckFailed, check_changelog, forbidden_licenses


@pytest.mark.parametrize(
    ("heading", "tag"),
    [
        ("0.2.0, unreleased", ""),
        ("0.2.0, 2027-03-01", ""),
        ("0.2.0, 2027-03-01", "v0.2.0"),
    ],
)
def test_the_changelog_has_the_version(heading: str, tag: str) -> None:
    check_changelog("0.2.0", f"# Changelog\n\n## {heading}\n\n## 0.1.0, 2027-01-01\n", tag)


@pytest.mark.parametrize(
    ("heading", "tag", "message"),
    [
        ("0.1.0, 2027-01-01", "", 'Write "## 0.2.0, "'),
        ("0.2.0", "", 'Write "## 0.2.0, "'),
        ("0.2.0, unreleased", "v0.2.0", "and the date"),
        ("0.2.0, 2027-03-01", "v0.2.1", "The tag v0.2.1 is not v0.2.0"),
    ],
)
def test_a_version_that_does_not_agree_is_refused(heading: str, tag: str, message: str) -> None:
    with pytest.raises(CheckFailed, match=message):
        check_changelog("0.2.0", f"# Changelog\n\n## {heading}\n", tag)


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD", True),
        ("MIT License; BSD License", True),
        ("MIT AND GPL-3.0-only", False),
        ("UNKNOWN", False),
    ],
)
def test_each_part_of_a_license_must_be_allowed(text: str, is_allowed: bool) -> None:
    assert forbidden_licenses([{"Name": "a", "License": text}]) == ([] if is_allowed else [f"a: {text}"])
