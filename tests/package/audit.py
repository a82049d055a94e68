"""`make audit`: whether what the package needs has a known hole, in the lowest versions and the newest.

pip-audit says so where it reaches its data; the list beside this file is looked at in any case.
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
"""Each with the Python and uv's name for it, as in `noxfile.py`."""


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """Releases of `package` before `below` have a hole; with `line`, those of this line alone."""

    package: str
    below: str
    id: str
    date: dt.date
    what: str
    line: str = ""

    def is_about(self, package: str, version: str) -> bool:
        """Whether this version has it."""
        is_in_line = not self.line or version == self.line or version.startswith(f"{self.line}.")
        return self.package == package and is_in_line and Version(version) < Version(self.below)

    def __str__(self) -> str:
        return f"{self.id}, {self.date}: {self.what}; fixed in {self.below}"


LIST = Path(__file__).with_name("advisories.toml")
ADVISORIES = [Advisory(**row) for row in tomllib.loads(LIST.read_text())["advisory"]]


def resolve(python: str, resolution: str) -> dict[str, str]:
    """The version of each package that a shop gets with all extras."""
    command = [UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--all-extras"]
    command += ["--python-version", python, "--resolution", resolution, str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split("==", 1) for line in done.stdout.splitlines())


def by_list(versions: dict[str, str]) -> list[str]:
    """What the list in this folder knows."""
    return [
        f"{package} {version}: {advisory}"
        for package, version in versions.items()
        for advisory in ADVISORIES
        if advisory.is_about(package, version)
    ]


def by_pip_audit(versions: dict[str, str]) -> tuple[list[str], int]:
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
    return read(rows)


def read(rows: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Of pip-audit's answer the holes, and how many packages it looked up."""
    asked = [row for row in rows if "skip_reason" not in row]
    holes = [
        f"{row['name']} {row['version']}: {hole['id']}; fixed in {', '.join(hole['fix_versions']) or 'none'}"
        for row in asked
        for hole in row["vulns"]
    ]
    return holes, len(asked)


def main() -> int:
    """Both resolutions, by both; 1 where there is a hole."""
    is_sound = True
    for name, (python, resolution) in RESOLUTIONS.items():
        versions = resolve(python, resolution)
        known, (found, asked) = by_list(versions), by_pip_audit(versions)
        print(f"{name}, Python {python}: {len(versions)} packages")
        print(f"  known holes by the list of {max(it.date for it in ADVISORIES)}: {len(known)}")
        print(f"  known holes by pip-audit, which looked up {asked} packages: {len(found)}")
        for hole in (*known, *found):
            print(f"    {hole}")
        is_sound = is_sound and not known and not found
    return int(not is_sound)


if __name__ == "__main__":
    sys.exit(main())
