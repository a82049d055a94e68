"""What the API answers, as JSON Schema (2020-12, which is OpenAPI 3.1's); the words come from the code."""

from __future__ import annotations

from typing import Any

from ...intake.feedback import REASONS as FEEDBACK_REASONS
from ...messages import MESSAGES, RENDER_MESSAGES
from ...models import PersonPhoto
from ...models.states import PUBLIC
from ..serializers import KINDS

Schema = dict[str, Any]

PREFIX = "Vton"
"""A shop's own API may well have a `Photo`."""

REASONS = ("product_not_enabled", "budget_exhausted", "paused", "unavailable", "not_configured")
"""Why a product cannot be tried on now, where there is one."""

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
PATH: Schema = {"type": "string", "format": "uri-reference"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANYTHING: Schema = {"type": "object", "additionalProperties": True}


def ref(name: str) -> Schema:
    """A shape by its name."""
    return {"$ref": f"#/components/schemas/{PREFIX}{name}"}


def optional(schema: Schema) -> Schema:
    """It, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def several(schema: Schema) -> Schema:
    """A list of it."""
    return {"type": "array", "items": schema}


def one_of(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": sorted(set(words))}


def shape(description: str = "", **fields: Schema) -> Schema:
    """An object that has just these fields, all of them always."""
    words = {"description": description} if description else {}
    required = {"required": list(fields)} if fields else {}
    return {"type": "object", **words, "properties": fields, **required, "additionalProperties": False}


PICTURE = {"id": ID, "url": PATH, "thumbnail_url": PATH, "width": COUNT, "height": COUNT}

SHAPES: dict[str, Schema] = {
    "Refusal": shape(
        "Why a request was refused: `detail` is for the shopper, translated; `field` is the input it is "
        "about, empty for the request as a whole.",
        code=one_of(*MESSAGES),
        detail=TEXT,
        field=TEXT,
    ),
    "Photo": shape(
        "A photo of a person: the shopper's own, or a house model of the shop's.",
        **PICTURE,
        kind=one_of(*PersonPhoto.Kind.values),
        name=TEXT,
        labels=several(TEXT),
        suits=several(one_of(*KINDS)),
        expires_at=optional(MOMENT),
    ),
    "Image": shape(
        "A finished picture; to its owner only.",
        **PICTURE,
        download_url=PATH,
        content_type=one_of("image/jpeg", "image/png"),
        alt=TEXT,
    ),
    "Failure": shape(
        "Why a try-on failed; `message` is for the shopper, translated.",
        code=one_of(*RENDER_MESSAGES),
        message=TEXT,
        retryable=FLAG,
    ),
    "TryOn": shape(
        "One request and its pictures. `progress` and `eta_seconds` change only with the status.",
        id=ID,
        product=TEXT,
        product_title=TEXT,
        product_url=PATH,
        engine=TEXT,
        status=one_of(*PUBLIC.values()),
        options=ANYTHING,
        counted=FLAG,
        cached=FLAG,
        created_at=MOMENT,
        started_at=optional(MOMENT),
        finished_at=optional(MOMENT),
        expires_at=optional(MOMENT),
        progress={"type": "number", "minimum": 0, "maximum": 1},
        eta_seconds=COUNT,
        typical_seconds=COUNT,
        photo=optional(ref("Photo")),
        images=several(ref("Image")),
        feedback=optional(one_of("like", "dislike")),
        page_url=PATH,
        error=optional(ref("Failure")),
    ),
    "TryOnPage": shape(
        "Newest first; `next` and `previous` are paths.",
        next=optional(PATH),
        previous=optional(PATH),
        results=several(ref("TryOn")),
    ),
    "Option": shape(
        "What a shopper may choose for this product.",
        kind=one_of("choice", "integer", "boolean"),
        label=TEXT,
        choices=several(TEXT),
        minimum=optional({"type": "integer"}),
        maximum=optional({"type": "integer"}),
        default={"type": ["string", "integer", "boolean", "null"]},
    ),
    "Photos": shape(photos=several(ref("Photo")), house_models=several(ref("Photo"))),
    "Start": shape(
        "All that a dialog needs when it is opened. `reason` says why `enabled` is false.",
        csrf_token=TEXT,
        lang=TEXT,
        enabled=FLAG,
        reason=optional(one_of(*REASONS)),
        product=shape(ref=TEXT, title=TEXT, url=PATH, image_url=PATH, kind=one_of(*KINDS)),
        consent=shape(required=FLAG, version=TEXT, text=TEXT, url=PATH),
        photos=several(ref("Photo")),
        house_models=several(ref("Photo")),
        active=several(ref("TryOn")),
        latest=optional(ref("TryOn")),
        quota=optional(shape(limit=COUNT, remaining=COUNT, resets_at=MOMENT)),
        limits=shape(max_bytes=COUNT, min_side=COUNT, max_side=COUNT, formats=several(TEXT)),
        retention=shape(photo_hours=COUNT, result_days=COUNT),
        typical_seconds=COUNT,
        options={"type": "object", "additionalProperties": ref("Option")},
        captcha=optional(shape(required=FLAG)),
        links=shape(history=PATH, privacy=PATH),
    ),
    "Export": shape(
        "All that is stored about the caller.",
        shopper=optional(shape(created_at=MOMENT, seen_at=MOMENT)),
        try_ons=several(ANYTHING),
        photos=several(
            shape(
                id=ID,
                created_at=MOMENT,
                expires_at=optional(MOMENT),
                width=COUNT,
                height=COUNT,
                kept=FLAG,
            )
        ),
        consents=several(ANYTHING),
        quotas=several(shape(window=TEXT, used=COUNT)),
        phone_links=several(
            shape(
                product=TEXT,
                created_at=MOMENT,
                opened_at=optional(MOMENT),
                used_at=optional(MOMENT),
                expires_at=MOMENT,
                try_ons=several(ID),
            )
        ),
        looks=several(ANYTHING),
    ),
    "PhoneLink": shape(
        "A one-time link that continues the try-on of a product on a phone. `code_url` is its QR code.",
        id=ID,
        url={"type": "string", "format": "uri"},
        code_url=PATH,
        expires_at=MOMENT,
    ),
    "PhoneLinkStatus": shape(
        "What has become of a link; `try_on` is the newest that its phone asked for.",
        status=one_of("waiting", "opened", "used", "expired"),
        try_on=optional(ID),
    ),
    "PhoneLinkProduct": {
        "type": "object",
        "properties": {"product": TEXT | {"examples": ["shop.product:42"]}},
        "required": ["product"],
    },
    "Ask": {
        "type": "object",
        "description": "`photo`, with consent, or `photo_id`: an own kept photo or a house model.",
        "properties": {
            "product": TEXT | {"examples": ["shop.product:42"]},
            "photo_id": ID,
            "consent": FLAG | {"description": "This is me, or an adult who agreed."},
            "consent_version": TEXT | {"description": "`start.consent.version`: an older one is no consent."},
            "keep_photo": FLAG,
            "options": ANYTHING | {"examples": [{"num_samples": 2}]},
        },
        "required": ["product"],
    },
    "Feedback": {
        "type": "object",
        "description": "`reason` says why, with a dislike only. Without it an earlier reason stays; null "
        "clears it, and so does another `value`.",
        "properties": {
            "value": {"type": ["string", "null"], "enum": ["like", "dislike", "", None]},
            "reason": {"type": ["string", "null"], "enum": [*FEEDBACK_REASONS, "", None]},
        },
        "required": ["value"],
    },
}
"""The components of the schema, by their names without the prefix."""
