"""The examples in the vendor's two documents.

The documents themselves are not part of this repository. `examples.json` keeps what is extracted from them.
Write it anew with `python -m tests.pixazo.documents`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted((ROOT.parent / "shared" / "pixazo").glob("00?_*.txt"))
FIXTURE = Path(__file__).parent / "examples.json"


def extract(text: str) -> dict[str, list[Any]]:
    """Return the different requests and JSON objects of a document, in their order.

    JavaScript, PHP and Java repeat the examples in their own notation, which is not read.
    """
    endpoints = re.findall(r"\b(GET|POST) (https://\S+)", text)
    statuses = re.findall(r"^\| ([1-5]\d\d) \|", text, re.MULTILINE)
    headers = re.findall(r'^(?:-H ")?(\w+(?:-\w+)+): ([^"\s]+)', text, re.MULTILINE)
    return {
        "endpoints": _distinct([f"{method} {url}" for method, url in endpoints]),
        "statuses": _distinct([int(status) for status in statuses]),
        "headers": _distinct([list(header) for header in headers]),
        "objects": _distinct(_json_objects(text)),
    }


def examples() -> dict[str, list[Any]]:
    """Return the examples of both documents from the fixture."""
    found: dict[str, list[Any]] = json.loads(FIXTURE.read_text())
    return found


def extracted() -> dict[str, list[Any]]:
    """Return the examples of both documents from the documents themselves."""
    return extract("\n".join(path.read_text() for path in DOCUMENTS))


def _json_objects(text: str) -> list[Any]:
    found, position = [], 0
    decoder = json.JSONDecoder()
    while (position := text.find("{", position)) >= 0:
        try:
            value, position = decoder.raw_decode(text, position)
            found.append(value)
        except ValueError:
            position += 1
    return found


def _distinct(items: list[Any]) -> list[Any]:
    return [json.loads(text) for text in dict.fromkeys(json.dumps(item) for item in items)]


if __name__ == "__main__":
    FIXTURE.write_text(json.dumps(extracted(), indent=1, ensure_ascii=False) + "\n")
