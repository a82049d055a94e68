"""Sign images with a C2PA manifest ("Content Credentials"), which says how they were made and by whom.

The manifest follows C2PA 2: the first action is `c2pa.opened` if the source has a manifest of its own, which
then becomes an ingredient, and `c2pa.created` otherwise. Needs the extra `django-vton[c2pa]`.
"""

import json
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from .provenance import AI_COMPOSITE, SOURCE_TYPES

GENERATOR = "django-vton"
_SOURCE = "source"
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_PREVIEWS = {"builder": {"thumbnail": {"enabled": False}}}
"""No small copy of the image inside the manifest, which would show what is later cut off or covered."""

Action = dict[str, Any]


@dataclass(frozen=True)
class SigningKey:
    """The paths of two PEM files: the certificate, followed by its chain, and its private key."""

    certificate: str
    key: str


def sign(data: bytes, content_type: str, key: SigningKey, *, source: bytes = b"", action: str = "") -> bytes:
    """Return an image with a signed manifest.

    If `source`, from which the image was made by `action` (such as `c2pa.edited`), is an image with a
    manifest, that becomes an ingredient. Raise an exception of any type if the image cannot be signed.
    """
    c2pa: Any = import_module("c2pa")
    source_format = _format_with_manifest(c2pa, source)
    with (
        c2pa.Settings.from_dict(_PREVIEWS) as settings,
        c2pa.Context(settings) as context,
        c2pa.Builder(json.dumps(_manifest(action if source_format else "")), context) as builder,
        c2pa.Signer.from_info(_signer_info(c2pa, key)) as signer,
    ):
        if source_format:
            ingredient = {"title": "The source", "relationship": "parentOf", "instance_id": _SOURCE}
            builder.add_ingredient(json.dumps(ingredient), source_format, BytesIO(source))
        signed = BytesIO()
        builder.sign(signer, content_type, BytesIO(data), signed)
    return signed.getvalue()


def signing_problem(key: SigningKey) -> str:
    """Return why images cannot be signed with this key, or ""."""
    blank = BytesIO()
    Image.new("RGB", (8, 8)).save(blank, "JPEG")
    try:
        sign(blank.getvalue(), "image/jpeg", key)
    except Exception as error:  # noqa: BLE001 - of the library, the files or the key
        return f"{type(error).__name__}: {error}"
    return ""


def _manifest(action: str) -> dict[str, Any]:
    by_ai = {"digitalSourceType": SOURCE_TYPES + AI_COMPOSITE}
    actions: list[Action] = [{"action": "c2pa.created", **by_ai}]
    if action:
        opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_SOURCE]}}
        actions = [opened, {"action": action, **by_ai}]
    return {
        "claim_generator_info": [{"name": GENERATOR}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _format_with_manifest(c2pa: Any, data: bytes) -> str:
    """Return the media type of an image that has a manifest, or ""."""
    starts = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"RI": "image/webp"}
    media_type = starts.get(data[:2], "")
    if not media_type:
        return ""
    try:
        reader = c2pa.Reader.try_create(media_type, BytesIO(data))
    except c2pa.C2paError:
        return ""  # It cannot be read, so it proves nothing.
    if reader is None:
        return ""
    reader.close()
    return media_type


def _signer_info(c2pa: Any, key: SigningKey) -> Any:
    certificates, private_key = Path(key.certificate).read_bytes(), Path(key.key).read_bytes()
    algorithm = getattr(c2pa.C2paSigningAlg, _algorithm(private_key))
    return c2pa.C2paSignerInfo(algorithm, certificates, private_key, None)


def _algorithm(private_key: bytes) -> str:
    """Return the algorithm of C2PA for a kind of key."""
    loaded: Any = import_module("cryptography.hazmat.primitives.serialization").load_pem_private_key(
        private_key, None
    )
    if hasattr(loaded, "curve"):
        return _CURVES[loaded.curve.name]
    return "PS256" if hasattr(loaded, "private_numbers") else "ED25519"
