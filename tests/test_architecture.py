"""Who may import whom; see CONTRIBUTING.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import django_vton

ROOT = Path(django_vton.__file__).parent
MODULES = sorted(
    path for path in ROOT.rglob("*.py") if "migrations" not in path.parts
)  # fmt: skip

DOORS = {"webhooks", "files", "api", "admin", "templatetags", "management", "pages", "dialog", "urls"}
HTTP = {f"pixazo/{name}.py" for name in ("client", "fetching", "transport")}
PURE = {"exceptions", "sentences", "states", "signals", "pixazo", "images", "polling", "sandbox", "tokens"}


def room(path: Path) -> str:
    """The top-level module or package that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Absolute names of all modules that a file imports, relative ones resolved."""
    package = ("django_vton", *path.relative_to(ROOT).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module or "") if part)
            found.add(name)
            if base and not node.module:
                found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def rooms(path: Path) -> set[str]:
    """The package's own rooms that a file imports."""
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("django_vton.")}
    return ours - {room(path)}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_modules_are_found() -> None:
    assert len(MODULES) > 60


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_one_room_knows_each_library(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports(path)}
    if "httpx" in tops:
        assert name_of(path) in HTTP or room(path) == "sandbox"
    if "django_q" in tops:
        assert room(path) == "queue"
    if "PIL" in tops:
        assert room(path) in {"images", "sandbox"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nobody_inside_imports_a_door(path: Path) -> None:
    if room(path) not in DOORS:
        assert not rooms(path) & DOORS


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) in PURE], ids=name_of)
def test_pure_rooms_import_nothing_of_ours_but_words(path: Path) -> None:
    # The sentences name the limits of photos.
    assert rooms(path) <= ({"images"} if room(path) == "sentences" else {"sentences"})


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) == "sandbox"], ids=name_of)
def test_the_sandbox_shares_nothing_with_what_it_tests(path: Path) -> None:
    assert not any(name.startswith("django") and "sandbox" not in name for name in imports(path))


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) == "models"], ids=name_of)
def test_models_do_no_work(path: Path) -> None:
    assert rooms(path) <= {"sentences", "states", "storage"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_lifecycle_writes_a_state(path: Path) -> None:
    if room(path) in {"lifecycle", "sandbox"}:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"update", "create"}:
            assert "state" not in {keyword.arg for keyword in node.keywords}
