"""Generate the reference pages from the code, as Markdown: `python -m docs.generate FOLDER`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import json
import os
import pkgutil
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from docs.markdown import code, page, table, type_name

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

from docs import http_api, python_reference, sources, state_diagram  # noqa: E402 - Django must be set up first.


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
            f"{code(type_name(setting.type))}, default {code(_default(setting))}",
            texts[setting.name],
            f"The check reports a wrong value: it {rule}." if rule else "",
        ]
    return page("Settings", *filter(None, parts))


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
    "python": python_reference.python_page,
    "signals": _signals,
    "http": lambda: page("HTTP API", *http_api.parts()),
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
