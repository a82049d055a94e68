"""Checks that photos of people are stored privately."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage

from ..storage import private_storage

MIN_SIGNATURE_LENGTH = 16


def check_storage() -> list[CheckMessage]:
    """E020: the storage cannot be used. E021: its files have public URLs. E022: it is in a public folder."""
    storage = private_storage()
    try:
        url = _public_url(storage)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="vton.E020")]
    except Exception:  # noqa: BLE001 - its files have no URLs, or it is remote and cannot be reached
        url = ""
    if url:
        text = f"VTON['STORAGE'] gives photos of people a public URL ({url})."
        hint = "Use a storage without URLs, such as PrivateFileSystemStorage, or with signed URLs."
        return [Error(text, hint=hint, id="vton.E021")]
    return _check_folder(storage)


def _public_url(storage: Storage) -> str:
    """Return the start of the public URLs of a storage's files, or "" if the URLs are signed.

    A query parameter is taken for a signature if it is long, differs between two files and does not contain
    the file's name, unlike `?v=7` or `?name=...`.
    """
    url, other_url = (urlsplit(storage.url(f"vton/photos/00/{name}.jpg")) for name in ("probe", "other"))
    other_query = dict(parse_qsl(other_url.query))
    is_signed = any(
        len(value) >= MIN_SIGNATURE_LENGTH and value != other_query.get(key) and "probe.jpg" not in value
        for key, value in parse_qsl(url.query)
    )
    # With a public access rule, the URL works without its signature.
    is_public = str(getattr(storage, "default_acl", None) or "").lower().startswith("public")
    if is_signed and not is_public:
        return ""
    return url._replace(query="").geturl().partition("vton/")[0] + "..."


def _check_folder(storage: Storage) -> list[CheckMessage]:
    """E022: a web server serves all of MEDIA_ROOT and STATIC_ROOT, even files without a URL."""
    if not isinstance(storage, FileSystemStorage):
        return []
    folder = Path(storage.location).resolve()
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        public = getattr(settings, name)
        if public and folder.is_relative_to(Path(public).resolve()):
            hint = "Remove the location of its PrivateFileSystemStorage, or set another one."
            return [Error(f"VTON['STORAGE'] is inside {name}: {folder}.", hint=hint, id="vton.E022")]
    return []
