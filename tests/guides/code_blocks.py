"""The code blocks of the guides."""

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
    """The code between two fences, its position and its language."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """The file name in its first line, such as "settings.py", or "" for a fragment."""
        header = HEADER.match(self.code)
        return header[1] if header else ""


def parse_blocks(page: str, text: str) -> list[Block]:
    """Every block of a page."""
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[3], match[4])
        for match in FENCE.finditer(text)
    ]


PAGES = {path.stem: path.read_text() for path in sorted([*DOCS.glob("*.md"), ROOT / "README.md"])}
BLOCKS = [block for page, text in PAGES.items() for block in parse_blocks(page, text)]
DIRECTIVES = {"{toctree}", "{raw}", "{literalinclude}"}
"""Directives of Sphinx, which its strict build checks. Other tests run the included files."""
CODE = [block for block in BLOCKS if block.language not in DIRECTIVES]


def blocks_of_page(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in these languages."""
    return [block for block in CODE if block.page == page and block.language in languages]
