"""Make, CI and nox run tests that exist."""

from __future__ import annotations

import re

import noxfile

from .conftest import ROOT


def test_paths_of_tests_exist() -> None:
    arrays = re.findall(r"\w+_tests=\((.*?)\)", (ROOT / ".ci" / "run").read_text(), re.DOTALL)
    assert len(arrays) == 2
    paths = [f"tests/{name}" for names in arrays for name in names.split()]
    paths += re.findall(r"\btests/[\w/.]+", (ROOT / "Makefile").read_text())
    paths += [
        path.removeprefix("--ignore=")
        for path in (*noxfile.ALL_TESTS, *noxfile.HTTP_TESTS, *noxfile.QUICK_TESTS)
        if "tests/" in path
    ]
    assert [path for path in paths if not (ROOT / path).exists()] == []
