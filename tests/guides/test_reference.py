"""The generated reference is complete, and the guides only use what it documents."""

from __future__ import annotations

import ast
import re
import textwrap

import pytest
from django.dispatch import Signal

from django_vton import signals
from docs import generate, state_diagram
from tests.guides import code_blocks

PACKAGE = code_blocks.ROOT / "django_vton"


def test_the_reference_contains_every_public_name() -> None:
    pages = generate.pages()
    from django_vton import conf, urls
    from django_vton.messages import MESSAGES, RENDER_MESSAGES
    from django_vton.templatetags import vton as tags

    assert all(f"## `{name}`" in pages["settings"] for name in conf.Config.__dataclass_fields__)
    assert all(f"`{code}`" in pages["errors"] for code in [*MESSAGES, *RENDER_MESSAGES])
    assert all(f"{{% {name}" in pages["tags"] for name in tags.register.tags)
    sent = [name for name, value in vars(signals).items() if isinstance(value, Signal)]
    assert all(f"`{name}`" in pages["signals"] for name in sent)
    assert pages["http"].count("\n## `") == 15
    assert all(f"| `{it.name}` |" in pages["http"] for it in urls.urlpatterns if hasattr(it, "name"))
    commands = (PACKAGE / "management" / "commands").glob("vton_*.py")
    assert all(f"## `{path.stem}`" in pages["commands"] for path in commands)
    texts = [path.read_text() for path in (PACKAGE / "checks").glob("*.py")]
    ids = {check_id for text in texts for check_id in re.findall(r'id="(vton\.[EW]\d{3})"', text)}
    assert len(ids) > 15
    assert all(f"`{check_id}`" in pages["checks"] for check_id in ids)


def test_every_name_that_a_guide_imports_is_in_the_reference() -> None:
    """Other names may change in any release, so no guide may use them."""
    pages = generate.pages()
    # The page of the signals lists them without their module.
    pages["signals"] = pages["signals"].replace("| `", "| `django_vton.signals.")
    reference = "\n".join(pages.values())
    imported = {
        f"{node.module}.{name.name}"
        for block in code_blocks.CODE
        if block.language == "python"
        for node in ast.walk(ast.parse(textwrap.dedent(block.code)))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("django_vton")
        for name in node.names
    }
    assert len(imported) > 8
    assert [name for name in sorted(imported) if f"`{name}" not in reference] == []


def test_events_that_the_guide_alerts_on_are_logged() -> None:
    events = re.findall(r"`event=(\w+)`", code_blocks.PAGES["operating"])
    source = "".join(path.read_text() for path in (PACKAGE / "lifecycle").glob("*.py"))
    assert len(events) >= 2
    assert all(f'"{event}"' in source for event in events)


def test_the_state_diagram_must_match_the_transitions(monkeypatch: pytest.MonkeyPatch) -> None:
    from django_vton.models.states import ALLOWED_SOURCES, State

    assert state_diagram.draw().count("<rect") == len(State) + 1
    monkeypatch.setitem(ALLOWED_SOURCES, State.RENDERED, (State.SUBMITTED, State.QUEUED))
    with pytest.raises(ValueError, match="differ"):
        state_diagram.draw()
