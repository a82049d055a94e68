"""`make release-check`: what a release must pass besides the tests, of the commit that is checked out.

Prints a line for each check, with what to do if it fails. Leaves the files to publish in dist/, and in
sbom.cdx.json what is installed with them and all extras. `TAG=v0.2.0` is the tag that the version must have;
`ARGS=--links` also follows the links of the documentation.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import django_vton

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DIST = ROOT / "dist"
SBOM = ROOT / "sbom.cdx.json"

ALLOWED_LICENSES = {
    "0BSD",
    "3-Clause BSD License",
    "Apache Software License",
    "Apache-2.0",
    "BSD 3-Clause",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "MIT",
    "MIT License",
    "MIT-0",
    "MIT-CMU",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0",
    "Zlib",
}
"""Names in the metadata of packages, as SPDX identifiers or classifiers. None restricts a shop's own code."""


class CheckFailed(Exception):  # noqa: N818  It is not an error of the program.
    """What is wrong, and what to do."""


def run(command: str | Path, *args: str | Path, advice: str, env: dict[str, str] | None = None) -> str:
    """Run a command in the project's folder and return its output. Raise `CheckFailed` with `advice`."""
    env = {**os.environ, **(env or {})}
    done = subprocess.run([command, *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckFailed(f"{done.stdout}{done.stderr}\n{advice}".strip())
    return done.stdout


def git(*args: str | Path) -> str:
    return run("git", *args, advice="Run this in a clone of the repository.").strip()


def uv(*args: str | Path, env: dict[str, str] | None = None) -> None:
    run(BIN / "uv", *args, "--quiet", env=env, advice="The package index must be reachable.")


def forbidden_licenses(rows: list[dict[str, str]]) -> list[str]:
    """The packages with a license, or a part of its expression, that is not allowed."""
    return [
        f"{row['Name']}: {row['License']}"
        for row in rows
        if not {*re.split(r" AND | OR |; ", row["License"])} <= ALLOWED_LICENSES
    ]


def check_changelog(version: str, changelog: str, tag: str) -> None:
    """Raise `CheckFailed` if the newest heading is not this version's. With a tag, it needs a date."""
    heading = next((line for line in changelog.splitlines() if line.startswith("## ")), "")
    date = r"\d{4}-\d\d-\d\d" if tag else r"(unreleased|\d{4}-\d\d-\d\d)"
    if tag and tag != f"v{version}":
        raise CheckFailed(f"The tag {tag} is not v{version}. Set the version, commit, and tag that commit.")
    if not re.fullmatch(rf"## {re.escape(version)}, {date}", heading):
        raise CheckFailed(f'CHANGELOG.md begins with "{heading}". Write "## {version}, " and the date.')


class Release:
    """The checks. Each has its name as docstring, and raises `CheckFailed`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "tools" / "bin"
        self.shop = folder / "shop" / "bin" / "python"
        self.project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def set_up(self) -> None:
        """Create the environments of the tools, and of the shop, which is empty."""
        for folder in ("tools", "shop"):
            uv("venv", "--python", sys.executable, self.folder / folder)
        uv("pip", "install", "--python", self.tools / "python", "--group", "release")

    def run_tool(self, name: str, *args: str | Path, advice: str) -> str:
        return run(self.tools / name, *args, advice=advice)

    @property
    def wheel(self) -> str:
        return str(next(DIST.glob("*.whl")))

    def check_tree(self) -> None:
        """all changes are committed"""
        if changed := git("status", "--porcelain", "--untracked-files=no"):
            raise CheckFailed(f"{changed}\nCommit them: the commit is what is built.")

    def check_version(self) -> None:
        """version, tag and changelog agree"""
        if self.project.get("dynamic") != ["version"]:
            raise CheckFailed("Set the version in django_vton/__init__.py only.")
        changelog = (ROOT / "CHANGELOG.md").read_text()
        check_changelog(django_vton.__version__, changelog, os.environ.get("TAG", ""))

    def check_workflows(self) -> None:
        """actions are pinned by commit, and workflows have the permissions that they need"""
        advice = "Pin an action by the full hash of its release's commit."
        self.run_tool("zizmor", "--offline", "--no-progress", "--quiet", ".github", advice=advice)

    def check_docs(self) -> None:
        """the documentation builds, and its internal links exist"""
        self.run_sphinx("html")

    def check_links(self) -> None:
        """the external links of the documentation exist"""
        self.run_sphinx("linkcheck")

    def run_sphinx(self, builder: str) -> None:
        options = ["-q", "-W", "-n", "--keep-going", "-b", builder]
        run(BIN / "sphinx-build", *options, "docs", self.folder / builder, advice="Correct the docs.")

    def check_build(self) -> None:
        """two builds of the commit are bit-identical"""
        env = {"SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct")}
        archive = self.folder / "commit.tar"
        git("archive", "--output", archive, "HEAD")
        builds = []
        for name in ("first", "second"):
            source, out = self.folder / name, self.folder / f"{name}-dist"
            shutil.unpack_archive(archive, source, filter="data")
            uv("build", "--out-dir", out, source, env=env)
            builds.append({path.name: path.read_bytes() for path in out.glob("django_vton-*")})
        if builds[0] != builds[1]:
            raise CheckFailed("Compare two builds with diffoscope: a time or a path is in them.")
        shutil.rmtree(DIST, ignore_errors=True)
        DIST.mkdir()
        for name, content in builds[0].items():
            (DIST / name).write_bytes(content)

    def check_contents(self) -> None:
        """the wheel has the package and nothing else"""
        advice = "Correct [tool.flit] in pyproject.toml; tests/package/test_contents.py lists all files."
        self.run_tool("check-wheel-contents", self.wheel, advice=advice)

    def check_metadata(self) -> None:
        """PyPI accepts the metadata and shows the description"""
        advice = "Correct [project] in pyproject.toml, or README.md."
        self.run_tool("twine", "check", "--strict", *DIST.iterdir(), advice=advice)

    def check_first_render(self) -> None:
        """with only the wheel installed, the quickstart ends with a render"""
        uv("pip", "install", "--python", self.shop, self.wheel)
        test = [sys.executable, "-m", "pytest", "-q", "tests/guides/test_quickstart.py"]
        env = {"QUICKSTART_PYTHON": str(self.shop)}
        run(*test, env=env, advice="A file or a requirement may be missing in the wheel.")

    def check_licenses(self) -> None:
        """the licenses of what is installed with all extras are allowed"""
        extras = ",".join(self.project["optional-dependencies"])
        uv("pip", "install", "--python", self.shop, f"{self.wheel}[{extras}]")
        options = ["--from=mixed", "--format=json"]
        rows = json.loads(self.run_tool("pip-licenses", "--python", self.shop, *options, advice=""))
        if forbidden := forbidden_licenses(rows):
            advice = "Read them. Add them to ALLOWED_LICENSES, or depend on something else."
            raise CheckFailed("\n".join((*forbidden, advice)))

    def check_sbom(self) -> None:
        """the SBOM is valid, and names the wheel and its requirements"""
        options = ["--output-reproducible", f"--output-file={SBOM}"]
        advice = "Correct the metadata that is named."
        self.run_tool("cyclonedx-py", "environment", *options, self.shop, advice=advice)
        sbom = json.loads(SBOM.read_text())
        for component in sbom["components"]:  # Where the wheel was on this machine is of no interest.
            references = component.get("externalReferences", [])
            component["externalReferences"] = [it for it in references if not it["url"].startswith("file:")]
        SBOM.write_text(json.dumps(sbom, indent=2) + "\n")
        installed = {canonicalize_name(it["name"]) for it in sbom["components"]}
        required = {canonicalize_name(Requirement(it).name) for it in self.project["dependencies"]}
        if missing := {"django-vton", *required} - installed:
            raise CheckFailed(f"Not in sbom.cdx.json: {missing}. Correct the options of cyclonedx-py.")


def main(args: list[str]) -> int:
    """Run the checks; returns 1 if one fails."""
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        it = Release(Path(folder))
        it.set_up()
        checks = [it.check_tree, it.check_version, it.check_workflows, it.check_docs]
        checks += [it.check_links] if "--links" in args else []
        checks += [it.check_build, it.check_contents, it.check_metadata]
        checks += [it.check_first_render, it.check_licenses, it.check_sbom]
        for check in checks:
            try:
                check()
            except CheckFailed as failure:
                failures += 1
                print(f"FAIL  {check.__doc__}", *str(failure).splitlines(), sep="\n      ", flush=True)
            else:
                print(f"ok    {check.__doc__}", flush=True)
    print(f"{len(checks) - failures} passed, {failures} failed")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
