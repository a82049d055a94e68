"""The reference page of the Python calls, from their signatures and docstrings. Django must be set up."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from docs import sources
from docs.markdown import code, page, table, type_name

CREATED_BY_SHOPS = {"Engine", "Gateway", "PrivateFileSystemStorage"}
"""Classes whose arguments are documented."""


def python_page() -> str:
    """The Markdown of the page."""
    from django_vton import (
        batches,
        conversions,
        house_models,
        images,
        kinds,
        marks,
        pixazo,
        products,
        queue,
        rendering,
        sandbox,
        storage,
        tasks,
    )
    from django_vton.contrib import jinja2
    from django_vton.contrib.oscar import tryon as oscar
    from django_vton.contrib.wagtail import tryon as wagtail
    from django_vton.sandbox.ledger import Ledger

    functions_of_batches = [name for name in batches.__all__ if inspect.isfunction(getattr(batches, name))]
    return page(
        "Python calls",
        "Names that are not on this page may change in any release.",
        *_members(products, "TryOn", "register", "reference"),
        *_members(jinja2, "TryOnExtension"),
        *_members(oscar, "OscarTryOn"),
        *_members(wagtail, "PageTryOn", "PageItemTryOn"),
        *_members(conversions, "added", "purchased"),
        *_members(rendering, "render"),
        *_members(house_models, "add"),
        *_members(images, "keep_provenance"),
        *_members(marks, "mark_image", "mark_text", "draw_mark"),
        *_members(batches, *functions_of_batches, "Preview", "Progress", "PublishResult"),
        "## Exceptions",
        table(("exception", ""), _exceptions()),
        "## Paths for a queue",
        "The values of `ENQUEUE`, besides your own callable, and the functions to call on a schedule: see "
        "[another queue](../queues.md).",
        table(
            ("path", ""),
            (
                (code(f"{function.__module__}.{function.__name__}"), sources.first_line(function.__doc__))
                for function in (
                    queue.by_django_tasks,
                    queue.no_queue,
                    tasks.wake,
                    tasks.purge,
                    tasks.check_products,
                )
            ),
        ),
        *_members(pixazo, "Engine", "Option", "StatusRequest"),
        "## `django_vton.pixazo.VendorStatus`",
        sources.markdown(pixazo.VendorStatus.__doc__),
        table(("status", ""), sources.attribute_docs(pixazo.VendorStatus).items()),
        *_members(kinds, "Kind", "Example"),
        "## `django_vton.kinds.KINDS`",
        sources.attribute_docs(kinds)["KINDS"],
        *_members(storage, "PrivateFileSystemStorage"),
        *_members(sandbox, "Gateway"),
        "### `ledger`",
        sources.markdown(Ledger.__doc__),
        table(
            ("name", ""),
            (
                (code(name), sources.first_line(getattr(Ledger, name).__doc__))
                for name in ("entries", "counts", "totals", "wait_for")
            ),
        ),
        "## `django_vton.sandbox.Scenario`",
        sources.markdown(sandbox.Scenario.__doc__),
        table(("field", "type", "default", ""), _fields(sandbox.Scenario)),
    )


def _members(module: ModuleType, *names: str) -> Iterator[str]:
    """The documentation of classes and functions, under the path from which a shop imports them."""
    for name in names:
        member = getattr(module, name)
        document = _class if isinstance(member, type) else _function
        yield from document(member, f"{module.__name__}.{name}")


def _exceptions() -> Iterable[tuple[str, str]]:
    """The exceptions that a shop's own code may catch, with their modules."""
    from django_vton import exceptions, images, pixazo

    exceptions_of = {
        "django_vton.exceptions": (
            *(exceptions.VtonError, exceptions.Refused, exceptions.BudgetExhausted),
            *(exceptions.QuotaExceeded, exceptions.ProductNotRegistered),
        ),
        "django_vton.images": (images.ImageRefused,),
        "django_vton.pixazo": (pixazo.OptionError,),
    }
    for module, classes in exceptions_of.items():
        for exception in classes:
            yield code(f"{module}.{exception.__name__}"), sources.markdown(exception.__doc__)


def _fields(cls: type) -> Iterable[tuple[str, ...]]:
    texts = sources.field_comments(cls)
    for field in dataclasses.fields(cls):
        yield code(field.name), code(type_name(field.type)), code(repr(field.default)), texts[field.name]


def _function(function: Callable[..., Any], path: str, level: str = "##") -> list[str]:
    return [
        f"{level} `{path}`",
        f"```python\n{_signature(function)}\n```",
        sources.markdown(function.__doc__),
    ]


def _signature(function: Callable[..., Any]) -> str:
    """The signature as written in the source."""
    lines = inspect.getsource(inspect.unwrap(function)).splitlines()
    begin = next(number for number, line in enumerate(lines) if line.lstrip().startswith("def "))
    end = next(number for number, line in enumerate(lines) if number >= begin and line.endswith(":"))
    return textwrap.dedent("\n".join(lines[begin : end + 1]))


def _class(cls: type, path: str) -> list[str]:
    parts = [f"## `{path}`", sources.markdown(cls.__doc__)]
    if cls.__name__ in CREATED_BY_SHOPS:
        parts.append(f"```python\n{_signature(cls.__init__)}\n```")  # type: ignore[misc] # of exactly this class
    texts = sources.attribute_docs(cls)
    hints = inspect.get_annotations(cls)
    rows = [
        (code(name), code(type_name(hint)), texts.get(name, ""))
        for name, hint in hints.items()
        if not name.startswith("_")
    ]
    if rows:
        parts.append(table(("attribute", "type", ""), rows))
    for name, member in vars(cls).items():
        if isinstance(member, property) and not name.startswith("_"):
            parts += [f"### `{name}`", sources.markdown(member.__doc__)]
        elif inspect.isfunction(member) and not name.startswith("_") and member.__doc__:
            parts += _function(member, name, "###")
    return parts
