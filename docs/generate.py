"""Generate the reference pages from the code, as Markdown: `python -m docs.generate FOLDER`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.conf import settings

PACKAGE = Path(__file__).resolve().parents[1] / "django_vton"

CREATED_BY_SHOPS = {"Engine", "Gateway", "PrivateFileSystemStorage"}
"""Classes whose arguments are documented."""

if not settings.configured:
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "drf_spectacular",
            "django_q",
            "django_vton",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        MEDIA_ROOT="media",
        ROOT_URLCONF="docs.http_api",
        USE_TZ=True,
        Q_CLUSTER={"orm": "default", "timeout": 60, "retry": 200},
        REST_FRAMEWORK={"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"},
        SPECTACULAR_SETTINGS={"OAS_VERSION": "3.1.0"},
    )
    django.setup()

from docs import http_api, sources, state_diagram  # noqa: E402 - Django must be set up first.


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


def _settings() -> str:
    from django_vton import conf

    texts = sources.attribute_docs(conf.Config)
    parts = [
        "Keys of the dict `VTON`, all optional. `manage.py check` reports wrong names and values.",
    ]
    for setting in dataclasses.fields(conf.Config):
        rule = conf._RULES.get(setting.name, (None, ""))[1]
        parts += [
            f"## `{setting.name}`",
            f"{code(_type_name(setting.type))}, default {code(_default(setting))}",
            texts[setting.name],
            f"The check reports a wrong value: it {rule}." if rule else "",
        ]
    return page("Settings", *filter(None, parts))


def _type_name(annotation: Any) -> str:
    """An annotation without module names."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    for ours, theirs in (("_StrOrPromise", "str"), ("Sequence[", "list["), ("Mapping[", "dict[")):
        text = text.replace(ours, theirs)
    return re.sub(r"\b(?:[a-z_]+\.)+([A-Z])", r"\1", text)


def _default(field: dataclasses.Field[Any]) -> str:
    value: Any = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if isinstance(value, str) or value is None or isinstance(value, bool | int | dict | Decimal):
        return repr(value)
    if hasattr(value, "total_seconds"):
        minutes, unit = value.total_seconds() / 60, "minutes"
        for many, larger in ((60, "hours"), (48, "days")):
            if minutes > many:
                minutes, unit = minutes / {"hours": 60, "days": 24}[larger], larger
        return f"timedelta({unit}={minutes:g})"
    return str(value)


def _tags() -> str:
    from django_vton.templatetags import vton

    parts = ["Start with `{% load vton %}`."]
    for name in ("tryon", "tryon_assets", "tryon_gallery", "tryon_url"):
        function = getattr(vton, name)
        parameters = inspect.signature(function).parameters.values()
        arguments = [_argument(parameter) for parameter in parameters if parameter.name != "context"]
        parts += [f"## `{{% {' '.join([name, *arguments])} %}}`", sources.markdown(function.__doc__)]
    return page("Template tags", *parts)


def _argument(parameter: inspect.Parameter) -> str:
    if parameter.kind is parameter.VAR_KEYWORD:
        return "name=value…"
    if parameter.kind is parameter.VAR_POSITIONAL:
        return "argument…"
    if parameter.default is parameter.empty:
        return parameter.name
    return f'{parameter.name}="{parameter.default}"'


def _python() -> str:
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
        yield code(field.name), code(_type_name(field.type)), code(repr(field.default)), texts[field.name]


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
        (code(name), code(_type_name(hint)), texts.get(name, ""))
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


def _signals() -> str:
    from django_vton import signals

    rows = [(code(name), text) for name, text in sources.attribute_docs(signals).items()]
    return page(
        "Signals",
        "In `django_vton.signals`. " + sources.markdown(signals.__doc__),
        table(("signal", ""), rows),
    )


def _commands() -> str:
    from django_vton.management import commands

    os.environ["COLUMNS"] = "88"
    parts = ["Django's own options are not listed; every command accepts them."]
    for module in pkgutil.iter_modules(commands.__path__):
        command = importlib.import_module(f"{commands.__name__}.{module.name}").Command()
        parser = argparse.ArgumentParser(prog=f"manage.py {module.name}", add_help=False)
        command.add_arguments(parser)
        parts += [f"## `{module.name}`", command.help, f"```text\n{parser.format_help().strip()}\n```"]
    return page("Commands", *parts)


def _checks() -> str:
    rows = [(code(it.id), it.level, it.text, it.hint) for it in sources.check_messages(PACKAGE)]
    return page(
        "System checks",
        "`manage.py check` and every other command run them; `vton_doctor` repeats their messages. `{…}` "
        "stands for a variable part. The messages of `E001` are listed with the [settings](settings.md).",
        table(("id", "level", "message", "hint"), rows),
    )


def _errors() -> str:
    from django_vton import exceptions, messages
    from django_vton.pixazo import ENGINES, UNVERIFIED_ENGINES

    refused = [
        (code(name), str(exceptions.HTTP_STATUS.get(name, 400)), str(message))
        for name, message in messages.MESSAGES.items()
    ]
    failed = [
        (code(name), "yes" if name in messages.RETRYABLE_CODES else "no", str(message))
        for name, message in messages.RENDER_MESSAGES.items()
    ]
    parts = [
        "## A request that is refused",
        'Nothing was changed or spent. The body is `{"code", "detail", "field"}`.',
        "`detail` is in the shopper's language. For a photo it also states the accepted sizes or types.",
        table(("code", "status", "message"), refused),
        "`request_invalid` has status 413 if the body is too large, and 415 for another content type.",
        "## A render that failed",
        "The `error` of a try-on. Retryable means that the same photo and product may succeed next time.",
        table(("code", "retryable", "message"), failed),
        "## Options of the engines",
        "What `get_options()` may return. Any other name or value is refused as `options_invalid`.",
    ]
    for engine in (*ENGINES.values(), *UNVERIFIED_ENGINES.values()):
        rows = [
            (
                code(option.name),
                _values(option),
                code(json.dumps(option.default)) if option.default is not None else "",
            )
            for option in engine.options
        ]
        price = f"List price: {engine.price} USD per image." if engine.price else "Its price is not public."
        unverified = "" if engine.is_verified else " [Unverified](../engines.md#unverified-engines)."
        about = f"For {engine.kind}. {price}{unverified}"
        parts += [f"### `{engine.name}`", about, table(("option", "values", "default"), rows)]
    return page("Codes and options", *parts)


def _values(option: Any) -> str:
    if option.kind in {"integer", "number"}:
        return f"{option.minimum} to {option.maximum}"
    if option.kind == "text":
        return "a text"
    return ", ".join(map(code, option.choices or ("true", "false")))


PAGES: dict[str, Callable[[], str]] = {
    "settings": _settings,
    "tags": _tags,
    "python": _python,
    "signals": _signals,
    "http": lambda: page("HTTP API", *http_api.parts(table, code)),
    "commands": _commands,
    "checks": _checks,
    "errors": _errors,
}


def pages() -> dict[str, str]:
    """Every page of the reference, by name."""
    return {name: make() for name, make in PAGES.items()}


def write(folder: Path) -> None:
    """Write all pages; unchanged files are not touched, so that Sphinx does not read them again."""
    folder.mkdir(exist_ok=True)
    files = {f"{name}.md": text for name, text in pages().items()}
    files["states.svg"] = state_diagram.draw()
    for name, text in files.items():
        file = folder / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
