"""Parts of the reference pages, as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table. Bars and newlines inside cells are replaced, since they would end the cell."""
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def code(text: object) -> str:
    """As inline code; an empty text stays empty."""
    return f"`{text}`" if str(text) else ""


def page(title: str, *parts: str) -> str:
    """The Markdown of a page."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts)]) + "\n"


def type_name(annotation: Any) -> str:
    """An annotation without module names."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    for ours, theirs in (("_StrOrPromise", "str"), ("Sequence[", "list["), ("Mapping[", "dict[")):
        text = text.replace(ours, theirs)
    return re.sub(r"\b(?:[a-z_]+\.)+([A-Z])", r"\1", text)
