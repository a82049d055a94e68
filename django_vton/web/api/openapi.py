"""The API in OpenAPI 3.1, for shops that have drf-spectacular (the extra `schema`).

The operations are written down as they are, next to no machinery: the views read bodies of which nothing is
believed, so there are no serializers to read them from. Set `OAS_VERSION` to "3.1.0" in
`SPECTACULAR_SETTINGS`: shapes say `null` as 3.0 cannot.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from django.conf import settings
from django.http.request import HttpHeaders
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from ...exceptions import STATUS
from ...messages import MESSAGES
from .schemas import COUNT, ID, PREFIX, SHAPES, TEXT, Schema, ref

Codes = tuple[str, ...]

WRITES = ("POST", "PUT", "DELETE")
TAG = "try-on"
SESSION = "vtonSession"

UNREADABLE = {
    413: "The body is too large.",
    415: "The body is of another type.",
}
CLOSED = ("budget_exhausted", "paused", "unavailable", "not_configured")
"""Nothing can be asked for at the moment; see Retry-After."""


def _parameter(name: str, where: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": where, "schema": schema, "description": description, "required": required}


LANG = _parameter("lang", "query", TEXT, "Answer in this language.")
PRODUCT = _parameter("product", "query", TEXT, 'A product, as "app.model:pk".', required=True)
KEY = _parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
    "The same key with the same body is the same try-on; with another body it is refused.",
)
RETRY_AFTER = {"description": "Seconds until it is worth another look.", "schema": COUNT}
LOCATION = {"description": "The try-on's own address.", "schema": TEXT}
ETAG = {"description": "For If-None-Match.", "schema": TEXT}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _answer(description: str, name: str = "", *, headers: Schema | None = None, links: Codes = ()) -> Schema:
    """`links`: the operations that take the answer's id."""
    found: Schema = {"description": description}
    if name:
        found["content"] = _json(ref(name))
    if headers:
        found["headers"] = headers
    if links:
        ids = {"id": "$response.body#/id"}
        found["links"] = {link: {"operationId": f"tryon_{link}", "parameters": ids} for link in links}
    return found


def _refusals(codes: Codes) -> Schema:
    """The responses for these codes, by their status, each code with an example."""
    found: Schema = {}
    for code in codes:
        status = str(STATUS.get(code, 400))
        if status not in found:
            headers = {"Retry-After": RETRY_AFTER} if status in {"429", "503"} else None
            found[status] = _answer("", "Refusal", headers=headers)
            found[status]["content"]["application/json"]["examples"] = {}
        example = {"value": {"code": code, "detail": str(MESSAGES[code]), "field": ""}}
        found[status]["content"]["application/json"]["examples"][code] = example
        found[status]["description"] = (found[status]["description"] + f", `{code}`").removeprefix(", ")
    return found


def _operation(
    name: str,
    summary: str,
    answers: Schema,
    *codes: str,
    parameters: tuple[Schema, ...] = (),
    body: Schema | None = None,
) -> Schema:
    found: Schema = {
        "operationId": f"tryon_{name}",
        "summary": summary,
        "tags": [TAG],
        "parameters": [*parameters, LANG],
        "responses": answers | _refusals(("request_invalid", *codes)),
        # Guests are welcome: they are known by their session as well, which the first try-on begins.
        "security": [{SESSION: []}, {}],
    }
    if body is not None:
        found["requestBody"] = {"required": True, "content": body}
        for status, description in UNREADABLE.items():
            found["responses"].setdefault(str(status), _answer(description, "Refusal"))
    return found


def _ask_body() -> Schema:
    """JSON for a stored photo; a form for a file, where all else is text."""
    fields = SHAPES["Ask"]["properties"]
    photo = TEXT | {"format": "binary", "contentMediaType": "application/octet-stream"}
    options = TEXT | {"contentMediaType": "application/json"}
    form = SHAPES["Ask"] | {"properties": fields | {"photo": photo, "options": options}}
    return {"multipart/form-data": {"schema": form}} | _json(ref("Ask"))


def _operations() -> dict[tuple[str, str], Schema]:
    """Each view's method; made anew each time, in the language of the moment."""
    gone = {"204": _answer("Done.")}
    tryon = {"200": _answer("The try-on.", "TryOn")}
    links = ("get", "cancel", "feedback", "erase")
    running = {"Retry-After": RETRY_AFTER}
    location, etag = {"Location": LOCATION}, {"ETag": ETAG}
    return {
        ("Start", "GET"): _operation(
            "start",
            "What the dialog needs when it is opened",
            {"200": _answer("Nothing is stored of a visitor; sets the CSRF cookie.", "Start")},
            "product_unknown",
            parameters=(PRODUCT,),
        ),
        ("TryOns", "GET"): _operation(
            "list",
            "The caller's own try-ons",
            {"200": _answer("A page of 20, newest first.", "TryOnPage")},
            "not_found",
            parameters=(
                PRODUCT | {"required": False},
                _parameter("cursor", "query", TEXT, "Out of `next` or `previous`."),
            ),
        ),
        ("TryOns", "POST"): _operation(
            "ask",
            "Ask for a try-on",
            {
                "202": _answer("Accepted.", "TryOn", headers=location | running, links=links),
                "200": _answer("The answer is there already.", "TryOn", headers=location, links=links),
            },
            *("consent_required", "photo_required", "photo_unreadable", "photo_format", "photo_too_small"),
            *("photo_too_large", "photo_gone", "photo_refused", "product_unknown", "product_not_enabled"),
            *("options_invalid", "captcha_required", "csrf_failed", "idempotency_conflict"),
            *("quota_exceeded", "in_flight_limit", *CLOSED),
            parameters=(KEY,),
            body=_ask_body(),
        ),
        ("TryOn", "GET"): _operation(
            "get",
            "One try-on",
            {
                "200": _answer("The try-on.", "TryOn", headers=etag | running),
                "304": _answer("As it was.", headers=etag | running),
            },
            "not_found",
            parameters=(_parameter("If-None-Match", "header", TEXT, "The ETag of the last answer."),),
        ),
        ("TryOn", "DELETE"): _operation(
            "erase", "Erase a try-on with its photo and images", gone, "not_found", "csrf_failed"
        ),
        ("Cancel", "POST"): _operation(
            "cancel", "End a running try-on", tryon, "not_found", "not_cancelable", "csrf_failed"
        ),
        ("Feedback", "PUT"): _operation(
            "feedback",
            "Say how it was",
            tryon,
            *("not_found", "csrf_failed", "feedback_invalid"),
            body=_json(ref("Feedback")),
        ),
        ("Photos", "GET"): _operation(
            "photos", "Own kept photos and the house models", {"200": _answer("Both.", "Photos")}
        ),
        ("Photo", "DELETE"): _operation(
            "erase_photo", "Erase an own photo", gone, "not_found", "csrf_failed"
        ),
        ("Me", "GET"): _operation(
            "export", "All that is stored about the caller", {"200": _answer("All of it.", "Export")}
        ),
        ("Me", "DELETE"): _operation("erase_all", "Erase all of it", gone, "csrf_failed"),
        ("Consent", "DELETE"): _operation(
            "withdraw_consent", "Take the consent back; own photos go with it", gone, "csrf_failed"
        ),
        ("PhoneLinks", "POST"): _operation(
            "phone",
            "A link that continues on a phone; it ends all earlier ones",
            {
                "201": _answer(
                    "Usable once, for ten minutes.",
                    "PhoneLink",
                    headers=location,
                    links=("phone_status", "phone_code"),
                )
            },
            *("product_unknown", "product_not_enabled", "csrf_failed", "quota_exceeded", "not_found"),
            body=_json(ref("PhoneLinkProduct")),
        ),
        ("PhoneLinkStatus", "GET"): _operation(
            "phone_status",
            "What has become of a link to a phone",
            {"200": _answer("The status.", "PhoneLinkStatus", headers=running)},
            "not_found",
        ),
        ("PhoneCode", "GET"): _operation(
            "phone_code",
            "The QR code of a link to a phone",
            {"200": _answer("The drawing.") | {"content": {"image/svg+xml": {"schema": TEXT}}}},
            "not_found",
        ),
    }


class ApiSchema(AutoSchema):
    """Describes a view of this package by what is written above."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any] | None:
        """The operation; None where it is not for others."""
        operation = _operations().get((type(self.view).__name__, method))
        if operation is None:
            return None
        for name, schema in SHAPES.items():
            registry.register_on_missing(_component(PREFIX + name, ResolvedComponent.SCHEMA, schema))
        session = {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
        registry.register_on_missing(_component(SESSION, ResolvedComponent.SECURITY_SCHEMA, session))
        found = re.findall(r"{(\w+)}", path)
        operation["parameters"] += [_parameter(name, "path", ID, "", required=True) for name in found]
        if method in WRITES:
            operation["parameters"].append(_csrf())
        return deepcopy(operation)


def _component(name: str, kind: str, schema: Schema) -> ResolvedComponent:
    """A copy, since hooks of the shop's rewrite what they find."""
    return ResolvedComponent(name=name, type=kind, schema=deepcopy(schema), object=name)


def _csrf() -> Schema:
    header = HttpHeaders.parse_header_name(settings.CSRF_HEADER_NAME)
    return _parameter(
        str(header), "header", TEXT, "`csrf_token` of the start, with its cookie.", required=True
    )
