"""Generate the page of the HTTP API from the OpenAPI schema. Also the URLconf that the schema describes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.urls import URLPattern, include, path

from docs.markdown import code, table

urlpatterns = [path("try-on/", include("django_vton.urls"))]

Schema = dict[str, Any]

OTHER_URLS = {
    "image": (
        "GET",
        "An image, for its shopper; if published, for all. `?size=thumbnail`, `?download=1`, `?marked=1`.",
    ),
    "photo-file": (
        "GET",
        "A photo, for its shopper; of an active house model for everyone. Accepts `?size=thumbnail`.",
    ),
    "vendor-file": ("GET", "What Pixazo downloads. The token expires, at the latest when the render ends."),
    "callback": (
        "POST",
        "Pixazo's callback: 200, or 404 for an unknown token. Needs no session and no CSRF token.",
    ),
    "metrics": (
        "GET",
        "Metrics for [Prometheus](../monitoring.md), with `METRICS_TOKEN` as bearer token; 404 without it.",
    ),
    "dialog": ("GET", "The dialog's HTML for `?product=`, in the language of `?lang=`."),
    "try": ("GET, POST", "The form, without JavaScript."),
    "phone-page": ("GET, POST", "The page that a phone opens with the QR code; POST uses up the code."),
    "result": ("GET, POST", "One try-on: its progress, then its images."),
    "history": ("GET, POST", "The shopper's try-ons, with buttons to delete them."),
    "privacy": ("GET", "The privacy policy from the settings."),
}
"""Methods and description of the URLs that are not in the schema, by URL name."""


def parts() -> list[str]:
    """An overview, each operation, and each schema."""
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator(urlconf="docs.http_api").get_schema(request=None, public=True)
    operations = [
        (f"{method.upper()} {url}", operation)
        for url, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    sections = [
        "Paths start with the shop's own prefix, here `try-on/`. Another shopper's id returns 404, not 403.",
        "[The guide](../api.md) shows how to use it, and how to include it in the shop's own OpenAPI schema.",
        table(("operation", ""), [(code(name), operation["summary"]) for name, operation in operations]),
    ]
    for name, operation in operations:
        sections += [f"## `{name}`", f"{operation['summary']}."]
        if operation.get("parameters"):
            sections.append(table(("parameter", "in", "required", ""), _parameters(operation)))
        if "requestBody" in operation:
            sections.append("Body: " + "; ".join(_bodies(operation)) + ".")
        sections.append(table(("response", "", "schema"), _responses(operation)))
    sections += [
        "## Other URLs",
        "Pages are sent with `noindex` and `no-store`.",
        'Use the name with `{% tryon_url "history" %}` or `{% url "vton:history" %}`.',
        table(("URL", "methods", "name", ""), _other_urls()),
        "## Schemas",
    ]
    for name, component in schema["components"]["schemas"].items():
        sections += [f"### `{name}`", str(component.get("description", ""))]
        if component.get("properties"):
            rows = [
                (
                    code(field),
                    _type_name(kind),
                    "yes" if field in component.get("required", ()) else "no",
                )
                for field, kind in component["properties"].items()
            ]
            sections.append(table(("field", "type", "always"), rows))
        else:
            sections.append(_type_name(component) + ".")
    return [section for section in sections if section]


def _other_urls() -> Iterable[tuple[str, ...]]:
    """A row for each URL that is not part of the API. Raises KeyError if its description is missing."""
    from django_vton import urls

    for pattern in urls.urlpatterns:
        if isinstance(pattern, URLPattern):
            methods, description = OTHER_URLS[str(pattern.name)]
            url = re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)).replace("{pk}", "{id}")
            yield code(f"try-on/{url}"), methods, code(pattern.name), description


def _parameters(operation: Schema) -> Iterable[tuple[str, ...]]:
    for parameter in operation["parameters"]:
        is_required = "yes" if parameter.get("required") else "no"
        yield code(parameter["name"]), parameter["in"], is_required, parameter.get("description", "")


def _bodies(operation: Schema) -> Iterable[str]:
    for content_type, content in operation["requestBody"]["content"].items():
        fields = content["schema"].get("properties")
        fields_or_type = ", ".join(map(code, fields)) if fields else _type_name(content["schema"])
        yield f"{code(content_type)} with {fields_or_type}"


def _responses(operation: Schema) -> Iterable[tuple[str, ...]]:
    for status, response in sorted(operation["responses"].items()):
        types = ", ".join(_type_name(it["schema"]) for it in response.get("content", {}).values())
        yield str(status), response["description"], types


def _type_name(schema: Schema) -> str:
    """A type as text."""
    match schema:
        case {"$ref": name}:
            return code(name.rpartition("/")[2])
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return " or ".join(_type_name(it) for it in kinds)
        case {"enum": values}:
            return " or ".join(code(value) or '`""`' for value in values)
        case {"items": items}:
            return f"list of {_type_name(items)}"
        case {"properties": fields}:
            return "object with " + ", ".join(map(code, fields))
    kind = schema["type"]
    name = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{name} ({schema['format']})" if "format" in schema else name
