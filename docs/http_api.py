"""The HTTP API's page, from the OpenAPI schema; and the URLconf of which the schema is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.urls import include, path

urlpatterns = [path("try-on/", include("django_vton.urls"))]

Table = Callable[[Iterable[str], Iterable[Iterable[str]]], str]
Schema = dict[str, Any]


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
        "With the extra `schema` it stands in the shop's own OpenAPI schema, by drf-spectacular.",
        table(("operation", ""), [(code(name), each["summary"]) for name, each in operations]),
    ]
    for name, each in operations:
        found += [f"## `{name}`", f"{each['summary']}."]
        if each.get("parameters"):
            found.append(table(("parameter", "in", "required", ""), _parameters(each, code)))
        if "requestBody" in each:
            found.append("Body: " + "; ".join(_body(each, code)) + ".")
        found.append(table(("answer", "", "shape"), _answers(each, code)))
    found += ["## Shapes"]
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
            return " or ".join(map(code, values))
        case {"items": items}:
            return f"list of {_kind(items, code)}"
        case {"properties": fields}:
            return "object with " + ", ".join(map(code, fields))
    kind = schema["type"]
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{words} ({schema['format']})" if "format" in schema else words
