"""The blocks of code in the guides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^([ \t]*)(```+|~~~+)[ \t]*(\S*)[^\n]*\n(.*?)^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
HEADER = re.compile(r"(?:# |<!-- )([\w./]+\.\w+)\b")


@dataclass(frozen=True)
class Block:
    """What stands between two fences, where, and in which language."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """The file that its first line names, such as "settings.py"; "" for a fragment."""
        found = HEADER.match(self.code)
        return found[1] if found else ""


def of(page: str, text: str) -> list[Block]:
    """Every block of a page."""
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[3], found[4])
        for found in FENCE.finditer(text)
    ]


PAGES = {path.stem: path.read_text() for path in sorted([*DOCS.glob("*.md"), ROOT / "README.md"])}
BLOCKS = [block for page, text in PAGES.items() for block in of(page, text)]
DIRECTIVES = {"{toctree}", "{raw}"}
"""Sphinx's own, which its strict build looks at."""
CODE = [block for block in BLOCKS if block.language not in DIRECTIVES]


def of_page(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in these languages."""
    return [block for block in CODE if block.page == page and block.language in languages]
