"""What the reference takes from the source code: attribute docstrings, `#:` comments, messages of checks."""

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

Values = dict[str, list[str]]
"""The texts that each local variable of a function may have at some line."""

ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def markdown(doc: str | None) -> str:
    """A docstring as Markdown; roles of reStructuredText are replaced."""
    text = inspect.cleandoc(doc or "")
    return ROLE.sub(r"`\1`", text).replace("``", "`").replace("::\n\n", ":\n\n")


def first_line(doc: str | None) -> str:
    """The summary line of a docstring."""
    return markdown(doc).partition("\n\n")[0].replace("\n", " ")


def attribute_docs(where: Any) -> dict[str, str]:
    """The docstring below each attribute of a class or a module."""
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


def field_comments(cls: type) -> dict[str, str]:
    """The comment after `#:` of each field of a class; it may continue on the following lines."""
    found: dict[str, str] = {}
    name = ""
    for line in inspect.getsource(cls).splitlines():
        declared = re.match(r"\s+(\w+): ", line)
        name = declared[1] if declared else name
        if "#:" in line:
            found[name] = f"{found.get(name, '')} {line.partition('#:')[2].strip()}".strip()
    return found


@dataclass(frozen=True)
class CheckMessage:
    """A message of a system check; variable parts are written as `{name}`."""

    id: str
    level: str
    text: str
    hint: str


def check_messages(package: Path) -> list[CheckMessage]:
    """Every message of the check modules of a package and of its contrib apps, sorted by id."""
    found: set[CheckMessage] = set()
    descriptions: dict[str, str] = {}
    for path in (*package.glob("checks/*.py"), *package.glob("contrib/*/checks.py")):
        for function in ast.parse(path.read_text()).body:
            if isinstance(function, ast.FunctionDef):
                _collect(function.body, {}, found)
                descriptions |= dict(
                    re.findall(r"\b([EW]\d{3}): (.+?)(?=[.;](?:\s|$))", ast.get_docstring(function) or "")
                )
    # If the text is only a variable, the docstring of the check says what it finds.
    found = {
        replace(it, text=f"{descriptions[it.id[5:]]}: {it.text}") if it.text.startswith("{") else it
        for it in found
    }
    return sorted(found, key=lambda it: (it.id[5] != "E", it.id, it.text, it.hint))


def _collect(block: list[ast.stmt], values: Values, found: set[CheckMessage]) -> Values:
    """Add the messages of `Error(...)` and `Warning(...)` to `found`; returns the variables at the end."""
    for statement in block:
        inner = [
            _collect(body, dict(values), found)
            for field in ("body", "orelse", "handlers")
            for body in _bodies(getattr(statement, field, []))
        ]
        for name in {name for branch in inner for name in branch}:
            values[name] = list(dict.fromkeys(text for branch in inner for text in branch.get(name, [])))
        if not inner:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Error", "Warning"}:
                    found |= set(_messages(node, values))
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            values[statement.targets[0].id] = [_text(statement.value)]
    return values


def _bodies(field: list[Any]) -> list[list[ast.stmt]]:
    """The blocks of a statement; each exception handler has its own."""
    handlers = [it.body for it in field if isinstance(it, ast.ExceptHandler)]
    return handlers or ([field] if field else [])


def _messages(call: ast.Call, values: Values) -> Iterator[CheckMessage]:
    arguments = {keyword.arg: keyword.value for keyword in call.keywords}
    level = "error" if getattr(call.func, "id", "") == "Error" else "warning"
    for text in _texts(call.args[0], values):
        for hint in _texts(arguments["hint"], values) if "hint" in arguments else [""]:
            yield CheckMessage(str(ast.literal_eval(arguments["id"])), level, text, hint)


def _texts(node: ast.expr, values: Values) -> list[str]:
    """The possible texts of an expression: a variable may have a different one in each branch."""
    return values.get(node.id, [f"{{{node.id}}}"]) if isinstance(node, ast.Name) else [_text(node)]


def _text(node: ast.expr) -> str:
    """The text of an expression, with `{name}` for variable parts."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(_text, values))
        case ast.FormattedValue(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return "{" + name + "}"
        case ast.Call(args=[ast.Name(id=name)]):
            return "{" + name + "}"
    return "{…}"
