"""Every public name of the documented modules has a docstring, methods included."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

MODULES = [
    "batches",
    "conf",
    "conversions",
    "exceptions",
    "house_models",
    "intake.hooks",
    "kinds",
    "marks",
    "pixazo",
    "products",
    "queue",
    "sandbox",
    "signals",
    "storage",
    "tasks",
    "templatetags.vton",
]


def public(module: Any) -> dict[str, Any]:
    """Classes and functions that a shop may import from this module, and the classes' own methods."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    found = {name: vars(module)[name] for name in names if not name.startswith("_")}
    for name, value in list(found.items()):
        if inspect.isclass(value):
            methods = {key: method for key, method in vars(value).items() if not key.startswith("_")}
            found |= {
                f"{name}.{key}": method for key, method in methods.items() if inspect.isfunction(method)
            }
    return {name: value for name, value in found.items() if callable(value)}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_docstring(name: str) -> None:
    module = importlib.import_module(f"django_vton.{name}")
    assert module.__doc__
    undocumented = [
        key for key, value in public(module).items() if not (vars(value).get("__doc__") or value.__doc__)
    ]
    assert undocumented == []
    assert public(module) or name == "signals"


def test_every_signal_documents_its_arguments() -> None:
    module = importlib.import_module("django_vton.signals")
    body = ast.parse(Path(str(module.__file__)).read_text()).body
    signals = [at for at, node in enumerate(body) if isinstance(node, ast.Assign)]
    assert len(signals) >= 5
    for at in signals:
        following = body[at + 1]
        assert isinstance(following, ast.Expr)
        assert "Arguments:" in ast.unparse(following)
