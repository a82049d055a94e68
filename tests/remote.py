"""A storage as it is elsewhere: no local path, files that come over a line, and addresses of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from django.core.files.storage import Storage, storages

if TYPE_CHECKING:
    from pytest_django import Settings

ADDRESS = "https://bucket.example/private?X-Amz-Signature="


class NoSuchKey(Exception):  # noqa: N818 - as such libraries name it
    """An error of a vendor's library, which is no OSError."""


class Download:
    """An open line: it can be read once, from its beginning to its end, and nobody can tell its length."""

    def __init__(self, storage: Remote, data: bytes) -> None:
        self.storage, self.data, self.at = storage, data, 0

    def read(self, size: int = -1) -> bytes:
        if self.storage.breaks_after is not None and self.at >= self.storage.breaks_after:
            raise ConnectionResetError(ADDRESS)
        end = len(self.data) if size < 0 else self.at + size
        part, self.at = self.data[self.at : end], min(end, len(self.data))
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        if self in self.storage.open_now:
            self.storage.open_now.remove(self)
            self.storage.is_closed.set()


class Remote(Storage):
    """`is_away` makes every call fail, `breaks_after` every line, after so many bytes."""

    def __init__(self, missing: type[Exception] = FileNotFoundError) -> None:
        self.missing = missing
        self.files: dict[str, bytes] = {}
        self.opens = 0
        self.open_now: list[Download] = []
        self.is_closed = threading.Event()
        self.is_away = False
        self.breaks_after: int | None = None

    def _data(self, name: str) -> bytes:
        if self.is_away:
            raise ConnectionError(ADDRESS)
        if name not in self.files:
            raise self.missing(ADDRESS)
        return self.files[name]

    def _open(self, name: str, _mode: str = "rb") -> Any:
        download = Download(self, self._data(name))
        self.opens += 1
        self.open_now.append(download)
        return download

    def _save(self, name: str, content: Any) -> str:
        self.files[name] = content.read()
        return name

    def delete(self, name: str) -> None:
        self.files.pop(name, None)

    def exists(self, name: str) -> bool:
        if self.is_away:
            raise ConnectionError(ADDRESS)
        return name in self.files

    def size(self, name: str) -> int:
        return len(self._data(name))

    def url(self, name: str | None) -> str:
        return f"{ADDRESS}{name}"


def use_remote(settings: Settings, **options: Any) -> Remote:
    """Photos and pictures lie there from now on."""
    backend = {"BACKEND": "tests.remote.Remote", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": backend}
    storage = storages["vton"]
    assert isinstance(storage, Remote)
    return storage
