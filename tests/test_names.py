"""Names use the field's terms. Words that only this project understood must not come back."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from .test_architecture import ROOT as PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = PACKAGE.parent
FOLDERS = ("django_vton/", "tests/", "benchmarks/", "example_project/")

JARGON = {
    "pump pumps": "dispatcher",
    "bell bells doorbell rung": "wake-up, wake",
    "flight flights": "job, running job",
    "landed": "finished, shut down",
    "crowd crowded": "busy, many",
    "parcel parcels": "payload",
    "purse purses": "budget status",
    "shelf shelves": "product search",
    "news": "outcome",
    "gathering": "micro-batcher",
    "unheard": "awaiting callback",
    "suspicion": "poll limit",
    "handover": "vendor links",
    "discreet": "redaction",
    "uncounted": "no count",
    "swap swaps": "transition",
    "doubt doubts doubtful": "unknown outcome",
    "grace": "timeout",
    "trouble troubles": "error, failure",
    "whoever somebody": "worker, shopper, request, ...",
    "desk": "what the test utility does",
}
"""Words that no name contains, also not the name of a test."""

METAPHORS = {
    "look looks looked looking": "polling cycle, check, photo access, view",
    "ask asks asked asking": "poll, order, request, confirm, negotiate",
    "ring rings rang": "wake",
    "land lands": "finish, shut down",
    "fly flies flying": "run",
    "leave leaves": "allowance",
    "hint hints": "callback received",
    "sentence sentences": "message",
    "represent represents": "serialize",
    "reading readings": "parsing, query",
    "agrees": "require_allowed_photo",
    "doctor": "health check",
    "alone together": "single, bulk",
    "people company doors": "what the test utility does",
    "whom whose": "what it is",
}
"""Words that are plain English in the name of a test, which is a sentence, but say too little elsewhere."""

VAGUE = {
    *("each", "take", "takes", "places", "figures", "stats", "frame", "house", "shapes", "in_hand", "in_air"),
    *("told", "word", "stands", "encoded", "calls_back", "forget_locals", "represent"),
}
"""Whole names of functions, classes and modules."""

ALLOWED = {
    "in_flight": "the public setting IN_FLIGHT: how many try-ons of one shopper may run at the same time",
    "vton_doctor": "the public name of the command",
    "type_hints": "Python's term",
}
"""Parts of names with such a word in a sense of its own."""

ALLOWED_IN = {
    # An argument of Django's check messages.
    "hint": ("django_vton/checks/", "tests/checks/"),
    "asks": ("django_vton/sandbox/ledger.py", "django_vton/sandbox/scenario.py"),  # Public JSON keys.
    # In fashion, an outfit: the app of that example site. Also a public JSON key of the export.
    "looks": ("tests/hosts/wagtail/", "django_vton/web/api/serializers.py"),
    "look": ("tests/hosts/wagtail/",),
}

Name = tuple[str, int, bool]
"""The name, its line, and whether it names a function, a class or a module."""


def files() -> list[str]:
    """Python files, templates, scripts and the rest."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in listed if name.startswith(FOLDERS) and (ROOT / name).exists()]


def defined_names(file: str) -> Iterator[Name]:
    """The names of the file and its folders and, in Python, every name that it defines."""
    yield from ((part.partition(".")[0], 0, True) for part in Path(file).parts)
    if not file.endswith(".py"):
        return
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node.lineno, True
            case ast.arg():
                yield node.arg, node.lineno, False
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno, False
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno, False
            case ast.ExceptHandler(name=str(name)):
                yield name, node.lineno, False
            case ast.alias(asname=str(name)):
                yield name, node.lineno, False


def words(name: str) -> list[str]:
    """`lastSeenAt_now` is last, seen, at, now."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def instead_of(file: str, name: str, *, is_definition: bool) -> str | None:
    """What to call it instead, or None if the name is fine."""
    if is_definition and name.strip("_") in VAGUE:
        return "say what it is or does"
    forbidden = JARGON if name.startswith("test_") else JARGON | METAPHORS
    plain = re.sub("|".join(ALLOWED), "", name.lower() if name.isupper() else name)
    for word in words(plain):
        if not file.startswith(ALLOWED_IN.get(word, "-")):
            for group, instead in forbidden.items():
                if word in group.split():
                    return instead
    return None


def test_words_are_found_in_names() -> None:
    assert words("purse_of") == ["purse", "of"]
    assert words("PumpSlot") == ["pump", "slot"]
    assert instead_of("x.py", "purse_of", is_definition=True)
    assert instead_of("x.py", "test_it_asks_first", is_definition=True) is None
    assert instead_of("x.py", "IN_FLIGHT", is_definition=False) is None


def test_every_name_is_understood_at_first_sight() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for file in files():
        seen = set()
        for name, line, is_definition in defined_names(file):
            instead = instead_of(file, name, is_definition=is_definition)
            if instead and name not in seen:
                seen.add(name)
                found[file].append(f"  {line}: {name} ({instead})")
    assert not found, "\n" + "\n".join(line for file, lines in found.items() for line in (file, *lines))
