from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import FileSystemStorage

from django_vton.storage import PrivateFileSystemStorage

from .messages import run_vton_checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from tests.conftest import Vton


class StorageWithUrls(FileSystemStorage):
    """A remote storage whose URLs follow a pattern; `{name}` and `{digest}` are those of the file."""

    def __init__(self, pattern: str, default_acl: str | None = None) -> None:
        super().__init__("/nowhere")
        self.pattern, self.default_acl = pattern, default_acl

    def url(self, name: str | None) -> str:
        digest = hashlib.sha256(str(name).encode()).hexdigest()
        return self.pattern.format(name=name, digest=digest)


class UnreachableStorage(FileSystemStorage):
    def url(self, name: str | None) -> str:
        raise ConnectionError(name)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (
            lambda tmp: {
                "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
                "OPTIONS": {"location": tmp},
            },
            None,
        ),
        (
            lambda tmp: {
                "BACKEND": "tests.checks.test_storage.UnreachableStorage",
                "OPTIONS": {"location": tmp},
            },
            None,
        ),
        (lambda _tmp: {"BACKEND": "django.core.files.storage.FileSystemStorage"}, "E021"),
        (
            lambda tmp: {
                "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
                "OPTIONS": {"location": tmp / "media" / "deep"},
            },
            "E022",
        ),
        (
            lambda tmp: {
                "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
                "OPTIONS": {"location": tmp / "static" / ".." / "static"},
            },
            "E022",
        ),
        (lambda _tmp: {"BACKEND": "no.such.Storage"}, "E020"),
        (
            lambda _tmp: {
                "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
                "OPTIONS": {"nginx_location": "https://shop.example/"},
            },
            "E020",
        ),
    ],
)
def test_the_storage_must_be_private(
    settings: Settings, tmp_path: Path, make: Callable[[Path], dict[str, Any]], code: str | None
) -> None:
    settings.MEDIA_ROOT, settings.STATIC_ROOT = tmp_path / "media", tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "vton": make(tmp_path)}
    assert set(run_vton_checks()) == ({f"vton.{code}"} if code else set())


@pytest.mark.parametrize(
    ("pattern", "default_acl", "is_private"),
    [
        # URLs that django-storages signs for S3 (both versions), Google and CloudFront.
        (
            "https://s3.example/b/{name}?X-Amz-Date=20261121T160555Z&X-Amz-Expires=9&X-Amz-Signature={digest}",
            None,
            True,
        ),
        (
            "https://s3.example/b/{name}?AWSAccessKeyId=a&Signature={digest:.28}&Expires=1795280756",
            None,
            True,
        ),
        (
            "https://storage.example/b/{name}?GoogleAccessId=a%40b&Expires=17952807560000&Signature={digest}",
            "private",
            True,
        ),
        ("https://cdn.example/{name}?Expires=1795280756&Key-Pair-Id=K1&Signature={digest}", None, True),
        # URLs of S3 with querystring_auth=False, or behind a custom domain without a signer.
        ("https://cdn.example/{name}", None, False),
        ("https://cdn.example/{name}?v=7", None, False),
        ("https://cdn.example/{name}?release=2026-11-21T16:05:55Z", None, False),
        ("https://cdn.example/{name}?v={digest:.8}", None, False),
        # URLs of a view that serves files from the database.
        ("/download/?name={name}", None, False),
        ("/{name}?", None, False),
        ("https://s3.example/b/{name}?X-Amz-Signature={digest}", "public-read", False),
        ("https://storage.example/b/{name}?X-Goog-Signature={digest}", "publicRead", False),
    ],
)
def test_signed_urls_are_private_and_others_are_not(
    settings: Settings, pattern: str, default_acl: str | None, is_private: bool
) -> None:
    options = {"pattern": pattern, "default_acl": default_acl}
    backend = {"BACKEND": "tests.checks.test_storage.StorageWithUrls", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": backend}
    assert set(run_vton_checks()) == (set() if is_private else {"vton.E021"})


def test_the_default_storage_is_a_private_folder_next_to_the_media(settings: Settings, vton: Vton) -> None:
    vton(STORAGE=None)
    assert run_vton_checks() == {}
    settings.MEDIA_ROOT = ""
    assert "MEDIA_ROOT" in run_vton_checks()["vton.E020"]


def test_a_private_folder_without_a_location_is_outside_the_media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    assert Path(PrivateFileSystemStorage().location) == tmp_path / "media-private"
