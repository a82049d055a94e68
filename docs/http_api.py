"""The HTTP API's page, from the OpenAPI schema; and the URLconf of which the schema is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.urls import URLPattern, include, path

urlpatterns = [path("try-on/", include("django_vton.urls"))]

Table = Callable[[Iterable[str], Iterable[Iterable[str]]], str]
Schema = dict[str, Any]

OTHERS = {
    "image": (
        "GET",
        "A picture, to its shopper; a published one to anyone. Takes `?size=thumbnail`, `?download=1`.",
    ),
    "photo-file": (
        "GET",
        "A photo, to its shopper; an active house model's to anyone. Takes `?size=thumbnail`.",
    ),
    "vendor-file": ("GET", "What Pixazo fetches. The token expires, and dies with the render."),
    "callback": (
        "POST",
        "Pixazo's callback: 200, or 404 for a token that is not ours. No session, no CSRF token.",
    ),
    "dialog": ("GET", "The dialog's HTML for `?product=`, in the language of `?lang=`."),
    "try": ("GET, POST", "The form, without JavaScript."),
    "phone-page": ("GET, POST", "What a phone opens by a QR code; POST uses the code."),
    "result": ("GET, POST", "One try-on: how far it is, then its pictures."),
    "history": ("GET, POST", "My try-ons, and how to be rid of them."),
    "privacy": ("GET", "The policy, out of the settings."),
}
"""What is no part of the schema: how it is asked and what it is, by the name of the URL."""


def parts(table: Table, code: Callable[[object], str]) -> list[str]:
    """An overview, each operation, and each shape."""
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator(urlconf="docs.http_api").get_schema(request=None, public=True)
    operations = [
        (f"{method.upper()} {address}", operation)
        for address, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    found = [
        "Below the shop's own prefix, here `try-on/`. Somebody else's id answers 404, never 403.",
        "[The guide](../api.md) shows how to ask it, and how it comes into the shop's own OpenAPI schema.",
        table(("operation", ""), [(code(name), each["summary"]) for name, each in operations]),
    ]
    for name, each in operations:
        found += [f"## `{name}`", f"{each['summary']}."]
        if each.get("parameters"):
            found.append(table(("parameter", "in", "required", ""), _parameters(each, code)))
        if "requestBody" in each:
            found.append("Body: " + "; ".join(_body(each, code)) + ".")
        found.append(table(("answer", "", "shape"), _answers(each, code)))
    found += [
        "## The other addresses",
        "Pages answer `noindex` and `no-store`.",
        'A name is what `{% tryon_url "history" %}` and `{% url "vton:history" %}` take.',
        table(("address", "", "name", ""), _others(code)),
        "## Shapes",
    ]
    for name, shape in schema["components"]["schemas"].items():
        found += [f"### `{name}`", str(shape.get("description", ""))]
        if shape.get("properties"):
            rows = [
                (code(field), _kind(kind, code), "yes" if field in shape.get("required", ()) else "no")
                for field, kind in shape["properties"].items()
            ]
            found.append(table(("field", "type", "always"), rows))
        else:
            found.append(_kind(shape, code) + ".")
    return [part for part in found if part]


def _others(code: Callable[[object], str]) -> Iterable[tuple[str, ...]]:
    """A row for each address beside the API's; raises KeyError for one that nobody described."""
    from django_vton import urls

    for each in urls.urlpatterns:
        if isinstance(each, URLPattern):
            methods, words = OTHERS[str(each.name)]
            address = re.sub(r"<\w+:(\w+)>", r"{\1}", str(each.pattern)).replace("{pk}", "{id}")
            yield code(f"try-on/{address}"), methods, code(each.name), words


def _parameters(operation: Schema, code: Callable[[object], str]) -> Iterable[tuple[str, ...]]:
    for each in operation["parameters"]:
        is_required = "yes" if each.get("required") else "no"
        yield code(each["name"]), each["in"], is_required, each.get("description", "")


def _body(operation: Schema, code: Callable[[object], str]) -> Iterable[str]:
    for kind, content in operation["requestBody"]["content"].items():
        fields = content["schema"].get("properties")
        shape = ", ".join(map(code, fields)) if fields else _kind(content["schema"], code)
        yield f"{code(kind)} with {shape}"


def _answers(operation: Schema, code: Callable[[object], str]) -> Iterable[tuple[str, ...]]:
    for status, answer in sorted(operation["responses"].items()):
        contents = answer.get("content", {}).values()
        yield str(status), answer["description"], ", ".join(_kind(each["schema"], code) for each in contents)


def _kind(schema: Schema, code: Callable[[object], str]) -> str:
    """A type in words."""
    match schema:
        case {"$ref": name}:
            return code(name.rpartition("/")[2])
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return " or ".join(_kind(each, code) for each in kinds)
        case {"enum": values}:
            return " or ".join(code(value) or '`""`' for value in values)
        case {"items": items}:
            return f"list of {_kind(items, code)}"
        case {"properties": fields}:
            return "object with " + ", ".join(map(code, fields))
    kind = schema["type"]
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{words} ({schema['format']})" if "format" in schema else words
