"""The guides show what runs: the hosts' own lines, letter by letter, and the names that a shop may use."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = ["oscar", "wagtail"]


def blocks(guide: str) -> list[tuple[str, str]]:
    """Each block of code with its language."""
    return BLOCK.findall((ROOT / "docs" / f"{guide}.md").read_text())


@pytest.mark.parametrize("guide", GUIDES)
def test_each_block_is_in_a_file_of_the_host(guide: str) -> None:
    host = ROOT / "tests" / "hosts" / guide
    files = {
        "python": [path.read_text() for path in host.rglob("*.py")],
        "html": [path.read_text() for path in host.rglob("*.html")],
    }

    shown = blocks(guide)
    assert len(shown) >= 4
    assert [code for language, code in shown if not any(code in text for text in files[language])] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_a_shop_writes_ten_lines(guide: str) -> None:
    """The body of its `TryOn`, and what its templates load, show and extend for it."""
    (tryon,) = [code for _language, code in blocks(guide) if "(TryOn):" in code]
    (described,) = [node for node in ast.parse(tryon).body if isinstance(node, ast.ClassDef)]
    body = "\n".join(tryon.splitlines()[described.lineno : described.end_lineno])
    templates = "\n".join(code for language, code in blocks(guide) if language == "html")

    lines = [line for line in body.splitlines() if line.strip()]
    lines += [line for line in templates.splitlines() if "vton" in line or "tryon" in line]
    assert 4 < len(lines) <= 10


def named(pattern: str, *places: str) -> set[str]:
    """Every match in the files of the package."""
    package = ROOT / "django_vton"
    texts = [path.read_text() for place in places for path in package.glob(place)]
    return {name for text in texts for match in re.findall(pattern, text) for name in match.split()}


def test_every_name_for_a_style_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "theming.md").read_text()
    properties = named(r"var\((--vton-[a-z-]+)", "static/vton/dialog.css", "static/vton/button.css")
    assert properties == set(re.findall(r"^\| `(--vton-[a-z-]+)`", guide, re.MULTILINE))

    parts = named(r'part="([a-z ]+)"', "templates/vton/dialog/*.html")
    parts |= named(r'part\.add\("([a-z]+)"', "static/vton/*.js")
    (listed,) = re.findall(r"vton-dialog::part\(…\)`: (.*?)\.\n", guide, re.DOTALL)
    assert parts == set(re.findall(r"`([a-z]+)`", listed))


def test_every_event_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "product-page.md").read_text()
    emitted = named(r'emit\("([a-z-]+)"', "static/vton/*.js") | {"completed", "failed"}
    assert {f"vton:{name}" for name in emitted} == set(re.findall(r"`(vton:[a-z-]+)`", guide))


def test_every_picture_of_a_guide_is_there() -> None:
    shown = {
        name
        for guide in (ROOT / "docs").glob("*.md")
        for name in re.findall(r"!\[[^]]+\]\(([^)]+)\)", guide.read_text())
    }
    assert len(shown) > 5
    assert [name for name in shown if not (ROOT / "docs" / name).is_file()] == []
