"""What can be read of the package's source alone: texts below names, and the system checks."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Names = dict[str, list[str]]
"""What each name of a function may stand for, at some line."""

ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def markdown(doc: str | None) -> str:
    """A docstring as Markdown: some are written with reStructuredText's roles."""
    text = inspect.cleandoc(doc or "")
    return ROLE.sub(r"`\1`", text).replace("``", "`").replace("::\n\n", ":\n\n")


def first_line(doc: str | None) -> str:
    """The sentence of a docstring that stands alone."""
    return markdown(doc).partition("\n\n")[0].replace("\n", " ")


def texts_below(where: Any) -> dict[str, str]:
    """The text below each name that is assigned in a class or a module."""
    body = ast.parse(textwrap.dedent(inspect.getsource(where)))
    first = body.body[0]
    statements = first.body if isinstance(first, ast.ClassDef) and isinstance(where, type) else body.body
    found = {}
    for before, after in itertools.pairwise(statements):
        target = before.targets[0] if isinstance(before, ast.Assign) else getattr(before, "target", None)
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(target, ast.Name) and is_text:
            found[target.id] = markdown(str(after.value.value)).replace("\n", " ")  # type: ignore[attr-defined] # see is_text
    return found


def texts_beside(shape: type) -> dict[str, str]:
    """The text after `#:` of each field of a class, which may go on in the lines below."""
    found: dict[str, str] = {}
    name = ""
    for line in inspect.getsource(shape).splitlines():
        declared = re.match(r"\s+(\w+): ", line)
        name = declared[1] if declared else name
        if "#:" in line:
            found[name] = f"{found.get(name, '')} {line.partition('#:')[2].strip()}".strip()
    return found


@dataclass(frozen=True)
class Check:
    """One place where a system check finds something; what differs from case to case stands as `{name}`."""

    id: str
    level: str
    text: str
    hint: str


def checks(folder: Path) -> list[Check]:
    """Every message of the modules `checks*.py`, by its id."""
    found: set[Check] = set()
    finds: dict[str, str] = {}
    for path in folder.glob("checks*.py"):
        for function in ast.parse(path.read_text()).body:
            if isinstance(function, ast.FunctionDef):
                _follow(function.body, {}, found)
                finds |= dict(
                    re.findall(r"\b([EW]\d{3}): (.+?)(?=[.;](?:\s|$))", ast.get_docstring(function) or "")
                )
    # A text that is made elsewhere says nothing here: the check's own docstring does.
    found = {
        replace(each, text=f"{finds[each.id[5:]]}: {each.text}") if each.text.startswith("{") else each
        for each in found
    }
    return sorted(found, key=lambda check: (check.id[5] != "E", check.id, check.text, check.hint))


def _follow(block: list[ast.stmt], names: Names, found: set[Check]) -> Names:
    """Note each `Error(...)` and `Warning(...)`, with what its names say there; the names after the block."""
    for statement in block:
        inner = [
            _follow(part, dict(names), found)
            for field in ("body", "orelse", "handlers")
            for part in _parts(getattr(statement, field, []))
        ]
        for name in {name for each in inner for name in each}:
            names[name] = list(dict.fromkeys(words for each in inner for words in each.get(name, [])))
        if not inner:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Error", "Warning"}:
                    found |= set(_messages(node, names))
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            names[statement.targets[0].id] = [_words(statement.value)]
    return names


def _parts(field: list[Any]) -> list[list[ast.stmt]]:
    """The blocks of a statement: handlers have one each."""
    handlers = [each.body for each in field if isinstance(each, ast.ExceptHandler)]
    return handlers or ([field] if field else [])


def _messages(call: ast.Call, names: Names) -> Iterator[Check]:
    given = {each.arg: each.value for each in call.keywords}
    level = "error" if getattr(call.func, "id", "") == "Error" else "warning"
    for text in _said(call.args[0], names):
        for hint in _said(given["hint"], names) if "hint" in given else [""]:
            yield Check(str(ast.literal_eval(given["id"])), level, text, hint)


def _said(node: ast.expr, names: Names) -> list[str]:
    """The words of an expression; a name that branches gave different words has all of them."""
    return names.get(node.id, [f"{{{node.id}}}"]) if isinstance(node, ast.Name) else [_words(node)]


def _words(node: ast.expr) -> str:
    """A text as it is written, with `{name}` where it differs."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(_words, values))
        case ast.FormattedValue(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return "{" + name + "}"
        case ast.Call(args=[ast.Name(id=name)]):
            return "{" + name + "}"
    return "{…}"
