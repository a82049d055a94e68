"""A remote storage, such as S3: no local paths, files that are streamed, and signed URLs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from django.core.files.storage import Storage, storages
from django.urls import reverse

from django_vton.gateway import links

from .tryons import claim_for_submit, complete_tryon, create_tryon
from .web.files import image_url, photo_url

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product

SIGNED_URL = "https://bucket.example/private?X-Amz-Signature="


class NoSuchKey(Exception):  # noqa: N818 - named as in such libraries
    """An exception of a vendor's library, which is not an OSError."""


class Stream:
    """A stream that can be read once, from beginning to end, and whose length is unknown."""

    def __init__(self, storage: RemoteStorage, data: bytes) -> None:
        self.storage, self.data, self.at = storage, data, 0

    def read(self, size: int = -1) -> bytes:
        if self.storage.breaks_after is not None and self.at >= self.storage.breaks_after:
            raise ConnectionResetError(SIGNED_URL)
        end = len(self.data) if size < 0 else self.at + size
        part, self.at = self.data[self.at : end], min(end, len(self.data))
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        if self in self.storage.open_streams:
            self.storage.open_streams.remove(self)
            self.storage.is_closed.set()


class RemoteStorage(Storage):
    """With `is_unreachable` every call fails, with `breaks_after` every stream after so many bytes.

    With `is_locked` files cannot be deleted. With `free_files` only so many more files can be saved.
    """

    def __init__(self, missing: type[Exception] = FileNotFoundError) -> None:
        self.missing = missing
        self.files: dict[str, bytes] = {}
        self.opens = 0
        self.open_streams: list[Stream] = []
        self.is_closed = threading.Event()
        self.is_unreachable = False
        self.is_locked = False
        self.free_files = 1000
        self.breaks_after: int | None = None

    def _check(self, *, fails: bool = False) -> None:
        if self.is_unreachable or fails:
            raise ConnectionError(SIGNED_URL)

    def _data(self, name: str) -> bytes:
        self._check()
        if name not in self.files:
            raise self.missing(SIGNED_URL)
        return self.files[name]

    def _open(self, name: str, _mode: str = "rb") -> Any:
        stream = Stream(self, self._data(name))
        self.opens += 1
        self.open_streams.append(stream)
        return stream

    def _save(self, name: str, content: Any) -> str:
        self._check(fails=self.free_files <= 0)
        self.free_files -= 1
        self.files[name] = content.read()
        return name

    def delete(self, name: str) -> None:
        self._check(fails=self.is_locked)
        self.files.pop(name, None)

    def exists(self, name: str) -> bool:
        self._check()
        return name in self.files

    def size(self, name: str) -> int:
        return len(self._data(name))

    def url(self, name: str | None) -> str:
        return f"{SIGNED_URL}{name}"


def use_remote_storage(settings: Settings, **options: Any) -> RemoteStorage:
    """Use it as the private storage from now on."""
    backend = {"BACKEND": "tests.remote_storage.RemoteStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": backend}
    storage = storages["vton"]
    assert isinstance(storage, RemoteStorage)
    return storage


def create_file_urls(guest: Client, product: Product, photo: bytes) -> list[str]:
    """Create try-ons; return the URLs of a result, its thumbnail, its photo and the vendor's two files."""
    done = complete_tryon(create_tryon(guest, product, photo))
    row = create_tryon(guest, product, photo, photo_id=None, options='{"num_samples": 2}')
    attempt = claim_for_submit(row)
    assert row.photo
    assert row.product_image
    [tokens] = links.create_links([attempt])
    paths = [reverse("vton:vendor-file", args=[token]) for token in tokens]
    return [image_url(done), image_url(done) + "?size=thumbnail", photo_url(done), *paths]
