"""The reference's pages as Markdown, written from the code: `python -m docs.generate FOLDER`."""

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
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
from django.conf import settings

PACKAGE = Path(__file__).resolve().parents[1] / "django_vton"

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

from docs import http_api, sources, state_diagram  # noqa: E402 - Django comes first


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar or a new line inside a cell would end it."""
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def code(text: object) -> str:
    """As code; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def page(title: str, *parts: str) -> str:
    """The Markdown of a page."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts)]) + "\n"


def _settings() -> str:
    from django_vton import conf

    texts = sources.texts_below(conf.Config)
    parts = [
        "Keys of one dict, `VTON`; all may be left out. A wrong name or value is an error of `check`.",
    ]
    for each in dataclasses.fields(conf.Config):
        rule = conf._RULES.get(each.name, (None, ""))[1]
        parts += [
            f"## `{each.name}`",
            f"{code(_kind(each.type))}, default {code(_default(each))}",
            texts[each.name],
            f"Of a wrong value the check says that it {rule}." if rule else "",
        ]
    return page("Settings", *filter(None, parts))


def _kind(annotation: Any) -> str:
    """An annotation without the modules."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    for ours, theirs in (("_StrOrPromise", "str"), ("Sequence[", "list["), ("Mapping[", "dict[")):
        text = text.replace(ours, theirs)
    return re.sub(r"\b(?:[a-z_]+\.)+([A-Z])", r"\1", text)


def _default(each: dataclasses.Field[Any]) -> str:
    value: Any = each.default
    if each.default_factory is not dataclasses.MISSING:
        value = each.default_factory()
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

    parts = ["`{% load vton %}` first."]
    for name in ("tryon", "tryon_assets", "tryon_gallery", "tryon_url"):
        function = getattr(vton, name)
        taken = [each for each in inspect.signature(function).parameters.values() if each.name != "context"]
        words = " ".join(_argument(each) for each in taken)
        parts += [f"## `{{% {' '.join(filter(None, (name, words)))} %}}`", sources.markdown(function.__doc__)]
    return page("Template tags", *parts)


def _argument(each: inspect.Parameter) -> str:
    if each.kind is each.VAR_KEYWORD:
        return "name=value…"
    if each.kind is each.VAR_POSITIONAL:
        return "argument…"
    return each.name if each.default is each.empty else f'{each.name}="{each.default}"'


def _python() -> str:
    from django_vton import (
        batches,
        conversions,
        house_models,
        pixazo,
        products,
        queue,
        sandbox,
        storage,
        tasks,
    )
    from django_vton.sandbox.ledger import Ledger

    return page(
        "Python calls",
        "Names that are not on this page may change in any version.",
        *_class(products.TryOn, "django_vton.products.TryOn"),
        *_function(products.register, "django_vton.products.register"),
        *_function(products.reference, "django_vton.products.reference"),
        *_function(conversions.added, "django_vton.conversions.added"),
        *_function(conversions.purchased, "django_vton.conversions.purchased"),
        *_function(house_models.add, "django_vton.house_models.add"),
        *(
            part
            for name in batches.__all__
            if inspect.isfunction(found := getattr(batches, name))
            for part in _function(found, f"django_vton.batches.{name}")
        ),
        *_class(batches.Preview, "django_vton.batches.Preview"),
        *_class(batches.Progress, "django_vton.batches.Progress"),
        *_class(batches.PublishResult, "django_vton.batches.Published"),
        "## Exceptions",
        table(("exception", ""), _exceptions()),
        "## Paths for a queue",
        "What `ENQUEUE` may be, beside a callable of your own, and what a clock has to call: see "
        "[another queue](../queues.md).",
        table(
            ("path", ""),
            (
                (code(f"{each.__module__}.{each.__name__}"), sources.first_line(each.__doc__))
                for each in (queue.by_django_tasks, queue.no_queue, tasks.wake, tasks.purge)
            ),
        ),
        *_class(pixazo.Engine, "django_vton.pixazo.Engine"),
        *_class(pixazo.Option, "django_vton.pixazo.Option"),
        *_class(pixazo.StatusRequest, "django_vton.pixazo.Call"),
        *_class(storage.PrivateFolder, "django_vton.storage.PrivateFolder", made_by=True),
        *_class(sandbox.Gateway, "django_vton.sandbox.Gateway", made_by=True),
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


def _exceptions() -> Iterable[tuple[str, str]]:
    """Those that a shop's own code may meet, each with where it is imported from."""
    from django_vton import exceptions, images, pixazo

    found = {
        "django_vton.exceptions": (
            *(exceptions.VtonError, exceptions.Refused, exceptions.BudgetExhausted),
            *(exceptions.QuotaExceeded, exceptions.ProductNotRegistered),
        ),
        "django_vton.images": (images.ImageRefused,),
        "django_vton.pixazo": (pixazo.OptionError,),
    }
    for module, kinds in found.items():
        for kind in kinds:
            yield code(f"{module}.{kind.__name__}"), sources.markdown(kind.__doc__)


def _fields(shape: type) -> Iterable[tuple[str, ...]]:
    texts = sources.texts_beside(shape)
    for each in dataclasses.fields(shape):
        yield code(each.name), code(_kind(each.type)), code(repr(each.default)), texts[each.name]


def _function(function: Callable[..., Any], path: str, level: str = "##") -> list[str]:
    return [
        f"{level} `{path}`",
        f"```python\n{_signature(function)}\n```",
        sources.markdown(function.__doc__),
    ]


def _signature(function: Callable[..., Any]) -> str:
    """As the source has it, without the body."""
    lines = inspect.getsource(inspect.unwrap(function)).splitlines()
    begin = next(number for number, line in enumerate(lines) if line.lstrip().startswith("def "))
    end = next(number for number, line in enumerate(lines) if number >= begin and line.endswith(":"))
    return textwrap.dedent("\n".join(lines[begin : end + 1]))


def _class(shape: type, path: str, *, made_by: bool = False) -> list[str]:
    parts = [f"## `{path}`", sources.markdown(shape.__doc__)]
    if made_by:
        parts.append(f"```python\n{_signature(shape.__init__)}\n```")  # type: ignore[misc] # of this very class
    texts = sources.texts_below(shape)
    hints = inspect.get_annotations(shape)
    rows = [
        (code(name), code(_kind(hint)), texts.get(name, ""))
        for name, hint in hints.items()
        if not name.startswith("_")
    ]
    if rows:
        parts.append(table(("attribute", "type", ""), rows))
    for name, member in vars(shape).items():
        if isinstance(member, property) and not name.startswith("_"):
            parts += [f"### `{name}`", sources.markdown(member.__doc__)]
        elif inspect.isfunction(member) and not name.startswith("_") and member.__doc__:
            parts += _function(member, name, "###")
    return parts


def _signals() -> str:
    from django_vton import signals

    rows = [(code(name), text) for name, text in sources.texts_below(signals).items()]
    return page(
        "Signals",
        "In `django_vton.signals`. " + sources.markdown(signals.__doc__),
        table(("signal", ""), rows),
    )


def _commands() -> str:
    from django_vton.management import commands

    os.environ["COLUMNS"] = "88"
    parts = ["Beside Django's own options, which all of them take."]
    for found in pkgutil.iter_modules(commands.__path__):
        command = importlib.import_module(f"{commands.__name__}.{found.name}").Command()
        parser = argparse.ArgumentParser(prog=f"manage.py {found.name}", add_help=False)
        command.add_arguments(parser)
        parts += [f"## `{found.name}`", command.help, f"```text\n{parser.format_help().strip()}\n```"]
    return page("Commands", *parts)


def _checks() -> str:
    rows = [(code(each.id), each.level, each.text, each.hint) for each in sources.checks(PACKAGE)]
    return page(
        "System checks",
        "`manage.py check` runs them, as every command does; the doctor repeats what they find. `{…}` stands "
        "for what differs. What `E001` may say of each setting is in the [settings](settings.md).",
        table(("id", "level", "says", "what to do"), rows),
    )


def _errors() -> str:
    from django_vton import exceptions, messages
    from django_vton.pixazo import ENGINES

    refused = [
        (code(name), str(exceptions.STATUS.get(name, 400)), str(sentence))
        for name, sentence in messages.MESSAGES.items()
    ]
    failed = [
        (code(name), "yes" if name in messages.RETRYABLE else "no", str(sentence))
        for name, sentence in messages.RENDER_MESSAGES.items()
    ]
    parts = [
        "## A request that is refused",
        'Nothing was done, nothing was spent. The body is `{"code", "detail", "field"}`.',
        "`detail` is in the shopper's language. A photo's says more: its size, and what would be taken.",
        table(("code", "status", "sentence"), refused),
        "`request_invalid` is 413 where the body is too large, and 415 where it is of another type.",
        "## A render that failed",
        "In the `error` of a try-on. Retryable: the same photo and product may well succeed the next time.",
        table(("code", "retryable", "sentence"), failed),
        "## Options of the engines",
        "What `get_options()` may return. A name or a value that is not here is `options_invalid`.",
    ]
    for engine in ENGINES.values():
        rows = [
            (
                code(option.name),
                _values(option),
                code(json.dumps(option.default)) if option.default is not None else "",
            )
            for option in engine.options
        ]
        about = f"For {engine.kind}, {engine.price} USD a picture by the price list."
        parts += [f"### `{engine.name}`", about, table(("option", "values", "default"), rows)]
    return page("Codes and options", *parts)


def _values(option: Any) -> str:
    if option.kind == "integer":
        return f"{option.minimum} to {option.maximum}"
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
    """Every page of the reference by its name."""
    return {name: make() for name, make in PAGES.items()}


def write(folder: Path) -> None:
    """Into the folder; a file that would be the same stays, so that Sphinx need not read it again."""
    folder.mkdir(exist_ok=True)
    files = {f"{name}.md": text for name, text in pages().items()}
    files["states.svg"] = state_diagram.draw()
    for name, text in files.items():
        file = folder / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
