"""Where photos and pictures of people lie: never under a public address."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.signals import setting_changed
from django.utils.encoding import filepath_to_uri
from django.utils.functional import LazyObject, empty

from .conf import config

if TYPE_CHECKING:
    from django.db.models import Model
    from django.db.models.fields.files import FieldFile


class PrivateFolder(FileSystemStorage):
    """Files that have no address, readable by the shop's own user alone.

    Without a `location` they lie in a folder beside `MEDIA_ROOT`, not below it.

    With a `nginx_location`, the views look at who asks and then let nginx send the file (`X-Accel-Redirect`).
    nginx keeps few of a view's headers, so its configuration passes on the others:

        location /vton-private/ {                    # nginx_location="/vton-private/"
            internal;
            alias /srv/shop/media-private/;          # the folder, with a slash
            add_header X-Content-Type-Options $upstream_http_x_content_type_options;
            add_header Content-Security-Policy $upstream_http_content_security_policy;
            add_header Cross-Origin-Resource-Policy $upstream_http_cross_origin_resource_policy;
            add_header Referrer-Policy $upstream_http_referrer_policy;
            add_header X-Robots-Tag $upstream_http_x_robots_tag;
            add_header Vary $upstream_http_vary;
        }

    The files are then readable by their group as well, which has to be nginx's:
    `install -d -o shop -g www-data -m 2750 /srv/shop/media-private`.
    """

    def __init__(self, location: str | Path | None = None, nginx_location: str = "") -> None:
        if nginx_location and not re.fullmatch(r"/[\w.~-]+/([\w.~-]+/)*", nginx_location, re.ASCII):
            raise ImproperlyConfigured('nginx_location has to be a path such as "/vton-private/".')
        self.nginx_location = nginx_location
        for_group = 0o050 if nginx_location else 0
        super().__init__(
            location or _beside_media(),
            file_permissions_mode=0o600 | (for_group & 0o040),
            directory_permissions_mode=0o700 | for_group,
        )

    def url(self, name: str | None) -> str:
        """None of these files has one: they are served by views that look at who asks."""
        raise ValueError("Files of try-ons have no public address.")

    def nginx_path(self, name: str) -> str:
        """Where nginx finds a file, and nobody else; "" where the views send it themselves."""
        return self.nginx_location and self.nginx_location + filepath_to_uri(name)


def _beside_media() -> Path:
    if not settings.MEDIA_ROOT:
        raise ImproperlyConfigured("Set VTON['STORAGE'] (a private alias in STORAGES) or MEDIA_ROOT.")
    root = Path(settings.MEDIA_ROOT).absolute()
    return root.with_name(f"{root.name}-private")


class _PrivateStorage(LazyObject):  # type: ignore[type-arg] # generic in the stubs alone
    """The storage of the moment. The models' fields are made before the settings can be judged."""

    @property  # type: ignore[misc] # nor is it to be written
    def __class__(self) -> type[Storage]:  # type: ignore[override] # a field asks what this is
        return Storage if self._wrapped is empty else type(self._wrapped)

    def _setup(self) -> None:
        self._wrapped: Any = storages[config.STORAGE] if config.STORAGE else PrivateFolder()


_private_storage = _PrivateStorage()


def private_storage() -> Storage:
    """The storage of `VTON["STORAGE"]`; without one, `PrivateFolder`. Opened when it is first used."""
    return cast("Storage", _private_storage)


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting in {"VTON", "STORAGES", "MEDIA_ROOT"}:
        _private_storage._wrapped = empty


setting_changed.connect(_forget)


def photo_path(_instance: Model, filename: str) -> str:
    """A random name: the client's is thrown away but for the ending, which is ours."""
    return _random("photos", filename)


def product_path(_instance: Model, filename: str) -> str:
    """As `photo_path`, for the product pictures prepared for the vendor."""
    return _random("products", filename)


def result_path(_instance: Model, filename: str) -> str:
    """As `photo_path`, for the finished pictures."""
    return _random("results", filename)


def _random(folder: str, filename: str) -> str:
    name = uuid.uuid4().hex
    return f"vton/{folder}/{name[:2]}/{name}{Path(filename).suffix}"


def delete_file(stored: FieldFile) -> None:
    """Delete a stored file whose row never was; a file that never was is no matter."""
    if stored.name:
        stored.storage.delete(stored.name)
