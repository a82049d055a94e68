"""Private storage for photos and results, which show people and have no public URL."""

from __future__ import annotations

import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.signals import setting_changed
from django.db.models import Model
from django.db.models.fields.files import FieldFile
from django.utils.encoding import filepath_to_uri
from django.utils.functional import LazyObject, empty

from .conf import config


class PrivateFileSystemStorage(FileSystemStorage):
    """A storage whose files have no URL and are readable only by the system user that runs the shop.

    The default `location` is a folder beside `MEDIA_ROOT`, not inside it.

    With an `nginx_location`, the views check permissions and let nginx send the file (`X-Accel-Redirect`).
    nginx keeps only some headers of the view's response, so its configuration has to add the others:

        location /vton-private/ {                    # nginx_location="/vton-private/"
            internal;
            alias /srv/shop/media-private/;          # the location, with a trailing slash
            add_header X-Content-Type-Options $upstream_http_x_content_type_options;
            add_header Content-Security-Policy $upstream_http_content_security_policy;
            add_header Cross-Origin-Resource-Policy $upstream_http_cross_origin_resource_policy;
            add_header Referrer-Policy $upstream_http_referrer_policy;
            add_header X-Robots-Tag $upstream_http_x_robots_tag;
            add_header Vary $upstream_http_vary;
        }

    The files are then also readable by their group, which must be the group of nginx:
    `install -d -o shop -g www-data -m 2750 /srv/shop/media-private`.
    """

    def __init__(self, location: str | Path | None = None, nginx_location: str = "") -> None:
        if nginx_location and not re.fullmatch(r"/[\w.~-]+/([\w.~-]+/)*", nginx_location, re.ASCII):
            raise ImproperlyConfigured('nginx_location must be a path such as "/vton-private/".')
        self.nginx_location = nginx_location
        group_mode = 0o050 if nginx_location else 0
        super().__init__(
            location or _beside_media(),
            file_permissions_mode=0o600 | (group_mode & 0o040),
            directory_permissions_mode=0o700 | group_mode,
        )

    def url(self, name: str | None) -> str:
        """Raise `ValueError`, because only views that check permissions may serve the files."""
        raise ValueError("Files of try-ons have no public URL.")

    def nginx_path(self, name: str) -> str:
        """Return the internal path of a file in nginx, or "" if the views send files themselves."""
        return self.nginx_location and self.nginx_location + filepath_to_uri(name)


def _beside_media() -> Path:
    if not settings.MEDIA_ROOT:
        raise ImproperlyConfigured("Set VTON['STORAGE'] (a private alias in STORAGES) or MEDIA_ROOT.")
    root = Path(settings.MEDIA_ROOT).absolute()
    return root.with_name(f"{root.name}-private")


class _PrivateStorage(LazyObject):  # type: ignore[type-arg] # generic in the stubs only
    """A proxy of the storage in the settings, which cannot be read yet when model fields are created."""

    @property  # type: ignore[misc] # read-only
    def __class__(self) -> type[Storage]:  # type: ignore[override] # fields check the type
        return Storage if self._wrapped is empty else type(self._wrapped)

    def _setup(self) -> None:
        self._wrapped: Any = storage_by_alias(config.STORAGE or "")


def storage_by_alias(alias: str) -> Storage:
    """Return a storage of STORAGES; for "", the default private storage. Raise `InvalidStorageError`."""
    return storages[alias] if alias else PrivateFileSystemStorage()


_private_storage = _PrivateStorage()


def private_storage() -> Storage:
    """Return the storage of `VTON["STORAGE"]`, by default a `PrivateFileSystemStorage`."""
    return cast("Storage", _private_storage)


def _reset(*, setting: str, **_kwargs: Any) -> None:
    if setting in {"VTON", "STORAGES", "MEDIA_ROOT"}:
        _private_storage._wrapped = empty


setting_changed.connect(_reset)


def photo_path(_instance: Model, filename: str) -> str:
    """Return a random path for a photo. It keeps only the extension of `filename`."""
    return _random_path("photos", filename)


def product_path(_instance: Model, filename: str) -> str:
    """Return a random path for a product image, like `photo_path`."""
    return _random_path("products", filename)


def result_path(_instance: Model, filename: str) -> str:
    """Return a random path for a result or its thumbnail, like `photo_path`."""
    return _random_path("results", filename)


def _random_path(folder: str, filename: str) -> str:
    name = uuid.uuid4().hex
    return f"vton/{folder}/{name[:2]}/{name}{Path(filename).suffix}"


def is_missing(stored: FieldFile) -> bool:
    """Return whether the file of a model field is missing. Raise any exception if the storage cannot tell."""
    if not stored.name:
        return True
    says_no = False
    with suppress(NotImplementedError):  # `exists` is optional in Django.
        if stored.storage.exists(stored.name):
            return False
        says_no = True
    # `FileSystemStorage.exists` also returns False if access is denied or a disk fails, so try to open it.
    try:
        stored.storage.open(stored.name).close()
    except FileNotFoundError:
        return True
    except Exception as error:
        if isinstance(error, OSError) or not says_no:
            raise
    return says_no


def is_certainly_missing(stored: FieldFile) -> bool:
    """Like `is_missing`, but return False if the storage cannot tell."""
    try:
        return is_missing(stored)
    except Exception:  # noqa: BLE001 - a shop's storage may raise any exception
        return False
