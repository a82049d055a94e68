"""`make audit`: check the lowest and the newest versions of the dependencies for known vulnerabilities.

Uses pip-audit if its data can be reached, and always the list in advisories.toml.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).with_name("uv"))

RESOLUTIONS = {"lowest": ("3.11", "lowest-direct"), "newest": ("3.13", "highest")}
"""The Python version and uv's resolution strategy of each, as in `noxfile.py`."""


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """Releases of `package` before `below` are vulnerable; with `line`, only those of this release line."""

    package: str
    below: str
    id: str
    date: dt.date
    what: str
    line: str = ""

    def applies_to(self, package: str, version: str) -> bool:
        """Whether this version is vulnerable."""
        is_in_line = not self.line or version == self.line or version.startswith(f"{self.line}.")
        return self.package == package and is_in_line and Version(version) < Version(self.below)

    def __str__(self) -> str:
        return f"{self.id}, {self.date}: {self.what}; fixed in {self.below}"


ADVISORIES_FILE = Path(__file__).with_name("advisories.toml")
ADVISORIES = [Advisory(**row) for row in tomllib.loads(ADVISORIES_FILE.read_text())["advisory"]]


def resolve(python: str, resolution: str) -> dict[str, str]:
    """The version of each package that is installed with all extras."""
    command = [UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--all-extras"]
    command += ["--python-version", python, "--resolution", resolution, str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split("==", 1) for line in done.stdout.splitlines())


def check_with_list(versions: dict[str, str]) -> list[str]:
    """Vulnerabilities from the list in this folder."""
    return [
        f"{package} {version}: {advisory}"
        for package, version in versions.items()
        for advisory in ADVISORIES
        if advisory.applies_to(package, version)
    ]


def check_with_pip_audit(versions: dict[str, str]) -> tuple[list[str], int]:
    """What pip-audit knows, and of how many packages: what it cannot look up it passes over."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write("".join(f"{package}=={version}\n" for package, version in versions.items()))
        pins.flush()
        command = [UV, "tool", "run", "pip-audit", "--no-deps", "--disable-pip", "--format", "json"]
        command += ["--progress-spinner", "off", "--requirement", pins.name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            rows = json.loads(done.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError):
            return [], 0
    return parse_pip_audit(rows)


def parse_pip_audit(rows: list[dict[str, Any]]) -> tuple[list[str], int]:
    """The vulnerabilities in the output of pip-audit, and the number of packages that it checked."""
    checked = [row for row in rows if "skip_reason" not in row]
    vulnerabilities = [
        f"{row['name']} {row['version']}: {it['id']}; fixed in {', '.join(it['fix_versions']) or 'none'}"
        for row in checked
        for it in row["vulns"]
    ]
    return vulnerabilities, len(checked)


def main() -> int:
    """Check both resolutions; returns 1 if there is a vulnerability."""
    has_vulnerabilities = False
    for name, (python, resolution) in RESOLUTIONS.items():
        versions = resolve(python, resolution)
        listed, (found, checked) = check_with_list(versions), check_with_pip_audit(versions)
        print(f"{name}, Python {python}: {len(versions)} packages")
        print(f"  vulnerabilities in the list of {max(it.date for it in ADVISORIES)}: {len(listed)}")
        print(f"  vulnerabilities reported by pip-audit, which checked {checked} packages: {len(found)}")
        for vulnerability in (*listed, *found):
            print(f"    {vulnerability}")
        has_vulnerabilities = has_vulnerabilities or bool(listed or found)
    return int(has_vulnerabilities)


if __name__ == "__main__":
    sys.exit(main())
