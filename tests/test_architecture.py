"""The layers of the package: which package may import which, and which libraries each may use."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import django_vton

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(django_vton.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)

LAYERS = [
    *("conf", "storage", "images", "messages", "exceptions", "utils", "marks", "models", "pixazo", "gateway"),
    *("kinds", "products", "billing", "signals", "lifecycle", "privacy", "queue", "health", "shoppers"),
    *("intake", "house_models", "rendering", "conversions", "monitoring", "batches", "worker", "checks"),
    *("roles", "apps", "web", "urls", "tasks", "templatetags", "admin", "sandbox", "management", "contrib"),
]
"""From low to high. A package or module imports those before it only."""

ENTRY_POINTS = {"web", "urls", "admin", "templatetags", "management", "contrib"}
"""What Django, a browser or a shell calls; only an entry point imports another one."""

MAX_TOP_LEVEL_MODULES = 15

INDEPENDENT: dict[str, set[str]] = {
    "conf": set(),
    "images": set(),
    "kinds": set(),
    "pixazo": set(),
    "signals": set(),
    "sandbox": set(),
    "messages": {"images"},
    "exceptions": {"messages"},
    "models": {"messages", "storage", "utils"},
}
"""Layers that need little else, with all they may import: pure functions, data, and the vendor's API."""


def module_name(path: Path) -> str:
    """`django_vton/models/states.py` is `models.states`; the name of the package itself is empty."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name: path for path in FILES if (name := module_name(path))}


def layer(module: str) -> str:
    return module.partition(".")[0]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imported_names(path: Path) -> set[str]:
    """Absolute names of everything that a file imports, also inside functions, but not for type checkers."""
    found: set[str] = set()
    for node in _nodes_at_runtime(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ("django_vton", *path.relative_to(ROOT).parts[:-1])
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{prefix}.{alias.name}" for alias in node.names}
    return found


def _nodes_at_runtime(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            continue
        yield child
        yield from _nodes_at_runtime(child)


def imported_modules(path: Path) -> set[str]:
    """The package's own modules that a file imports; `from ..models import Batch` imports `models`."""
    found = set()
    for name in imported_names(path):
        if name.startswith("django_vton."):
            module = name.removeprefix("django_vton.")
            while module and module not in MODULES:
                module = module.rpartition(".")[0]
            found.add(module)
    return found - {module_name(path), ""}


@cache
def imports() -> dict[str, set[str]]:
    """Of each module, when a test asks: every process of a run loads this file."""
    return {module: imported_modules(path) for module, path in MODULES.items()}


def layers_imported_by(module: str) -> set[str]:
    return {layer(name) for name in imports()[module]} - {layer(module)}


def find_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle of imports, from its first member back to it; an empty list if there is none."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name not in done:
            for imported in sorted(graph.get(name, ())):
                if cycle := visit(imported, [*trail, name]):
                    return cycle
            done.add(name)
        return []

    return next((cycle for name in sorted(graph) if (cycle := visit(name, []))), [])


def test_cycles_are_found() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_top_level_has_few_modules() -> None:
    modules = [path.stem for path in ROOT.glob("*.py") if path.stem != "__init__"]
    assert len(modules) <= MAX_TOP_LEVEL_MODULES, modules


def test_the_list_of_layers_is_complete() -> None:
    assert {layer(module) for module in MODULES} == set(LAYERS)
    assert len(LAYERS) == len(set(LAYERS))


def test_modules_import_each_other_in_no_circle() -> None:
    assert find_cycle(imports()) == []


def test_packages_import_each_other_in_no_circle() -> None:
    packages: dict[str, set[str]] = defaultdict(set)
    for module in imports():
        packages[layer(module)] |= layers_imported_by(module)
    assert find_cycle(packages) == []


def test_a_module_imports_lower_layers_only() -> None:
    upwards = [
        f"{module} -> {name}"
        for module, imported in imports().items()
        for name in imported
        if LAYERS.index(layer(name)) > LAYERS.index(layer(module))
    ]
    assert upwards == []


def test_entry_points_are_imported_by_entry_points_only() -> None:
    for module in MODULES:
        if layer(module) not in ENTRY_POINTS:
            assert not layers_imported_by(module) & ENTRY_POINTS, module


def test_an_independent_layer_stays_independent() -> None:
    for module in MODULES:
        if layer(module) in INDEPENDENT:
            assert layers_imported_by(module) <= INDEPENDENT[layer(module)], module


def test_each_library_is_used_in_one_place() -> None:
    for module, path in MODULES.items():
        libraries = {name.partition(".")[0] for name in imported_names(path)}
        if libraries & {"httpx", "httpx2"}:
            assert module == "pixazo.http_library", module
        if "django_q" in libraries:
            assert layer(module) == "queue", module
        if "PIL" in libraries:
            assert layer(module) in {"images", "sandbox"}, module
        if layer(module) == "sandbox":
            assert "django" not in libraries, module


def test_only_the_lifecycle_writes_a_try_ons_state() -> None:
    for module, path in MODULES.items():
        if layer(module) in {"lifecycle", "sandbox"}:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"update", "create"}:
                assert "state" not in {keyword.arg for keyword in node.keywords}, (module, node.lineno)


def test_the_database_and_the_clock_are_used_in_one_place() -> None:
    """`transaction` and `connection` mean the database `default`, which may not hold the package's tables."""
    for module, path in MODULES.items():
        if module != "utils.database":
            assert not imported_names(path) & {"django.db.transaction", "django.db.connection"}, module
        if module != "utils.clock":
            nodes = ast.walk(parsed(path))
            calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
            assert "timezone.now" not in calls, module
