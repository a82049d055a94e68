from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import run_checks
from django.core.files.storage import FileSystemStorage

from django_vton import products
from django_vton.queue.q2 import cluster_settings
from django_vton.storage import PrivateFileSystemStorage
from shop.models import Product

from ..catalogue.models import Abstract, Gown, Hat

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db import models
    from pytest_django import Settings

    from tests.conftest import Vton

ROOT = Path(__file__).resolve().parents[2]


def found(*, deploy: bool = False) -> dict[str, str]:
    """Ids and words of this package's messages."""
    messages = run_checks(tags=["vton"], include_deployment_checks=deploy)
    assert all(
        message.hint for message in messages if message.id not in {"vton.E001", "vton.E010", "vton.E020"}
    )
    return {str(message.id): str(message.msg) for message in messages}


class Addressed(FileSystemStorage):
    """A remote storage, as far as its addresses go: `{name}` and `{digest}` are the file's."""

    def __init__(self, pattern: str, default_acl: str | None = None) -> None:
        super().__init__("/nowhere")
        self.pattern, self.default_acl = pattern, default_acl

    def url(self, name: str | None) -> str:
        digest = hashlib.sha256(str(name).encode()).hexdigest()
        return self.pattern.format(name=name, digest=digest)


class Away(FileSystemStorage):
    def url(self, name: str | None) -> str:
        raise ConnectionError(name)


def test_the_example_shop_is_well() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"QUOTA": "lots"}, "E001", "VTON['QUOTA']"),
        ({"ENQUEUE": "no.such.thing"}, "E002", "VTON['ENQUEUE']"),
        ({"MODERATE": "django_vton.conf.MICROS"}, "E002", "VTON['MODERATE']"),
        ({"CAPTCHA": "nodots"}, "E002", "VTON['CAPTCHA']"),
        ({"ENGINES": {"glass-v1": "no.such.Engine"}}, "E003", "VTON['ENGINES']['glass-v1']"),
        ({"ENGINES": {"glass-v1": {"submit_path": "no slash"}}}, "E003", "slash"),
        ({"ENGINES": {"other": {"submit_path": "/x"}}}, "E003", "not known"),
        ({"ENGINES": {"glass-v1": {"colour": "/x"}}}, "E003", "colour"),
        ({"ENGINES": {"other": "django_vton.pixazo.Engine"}}, "E003", "other"),
        ({"ENGINES": {"glass-v1": 42}}, "E003", "not an Engine"),
        ({"PRICES": {"glass": Decimal(1)}}, "E004", "glass"),
        ({"PIXAZO_BASE_URL": "http://gateway.pixazo.ai"}, "E005", "PIXAZO_BASE_URL"),
        ({"PIXAZO_API_KEY": ""}, "W001", "PIXAZO_API_KEY"),
        ({"PUBLIC_BASE_URL": ""}, "W001", "PUBLIC_BASE_URL"),
        (
            {"PIXAZO_BASE_URL": "https://gateway.pixazo.ai", "PUBLIC_BASE_URL": "http://shop.example"},
            "W002",
            "PUBLIC_BASE_URL",
        ),
    ],
)
def test_a_wrong_setting(vton: Vton, changes: dict[str, Any], code: str, words: str) -> None:
    vton(**changes)
    messages = found()
    assert words in messages.pop(f"vton.{code}")
    assert set(messages) <= {"vton.W002"}


def test_a_question_is_no_sentence_with_a_full_stop(vton: Vton) -> None:
    vton(QOUTA="5/day")
    assert found()["vton.E001"] == "VTON['QOUTA'] is not a setting of django-vton; did you mean 'QUOTA'?"


def test_moments_need_a_zone(settings: Settings) -> None:
    settings.USE_TZ = False
    assert set(found()) == {"vton.E006"}


@pytest.mark.parametrize("key", ["VTON_QUOTA", "VTON_DAILY_BUDGET"])
def test_the_command_itself_tells_it_instead_of_falling_over(key: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "example_project" / "manage.py"), "check"],
        env=os.environ | {key: "-7", "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"(vton.E001) VTON['{key.removeprefix('VTON_')}']" in done.stderr
    assert "Traceback" not in done.stderr


# Storage --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda tmp: {"BACKEND": "django_vton.storage.PrivateFileSystemStorage", "OPTIONS": {"location": tmp}}, None),
        (lambda tmp: {"BACKEND": "tests.checks.test_settings.Away", "OPTIONS": {"location": tmp}}, None),
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
def test_a_storage_has_to_be_private(
    settings: Settings, tmp_path: Path, make: Callable[[Path], dict[str, Any]], code: str | None
) -> None:
    settings.MEDIA_ROOT, settings.STATIC_ROOT = tmp_path / "media", tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "vton": make(tmp_path)}
    assert set(found()) == ({f"vton.{code}"} if code else set())


@pytest.mark.parametrize(
    ("pattern", "default_acl", "is_private"),
    [
        # As django-storages signs for S3 (both versions), Google and CloudFront.
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
        # S3 with querystring_auth=False, or behind a custom domain without a signer.
        ("https://cdn.example/{name}", None, False),
        ("https://cdn.example/{name}?v=7", None, False),
        ("https://cdn.example/{name}?release=2026-11-21T16:05:55Z", None, False),
        ("https://cdn.example/{name}?v={digest:.8}", None, False),
        # From a view that serves files of the database.
        ("/download/?name={name}", None, False),
        ("/{name}?", None, False),
        ("https://s3.example/b/{name}?X-Amz-Signature={digest}", "public-read", False),
        ("https://storage.example/b/{name}?X-Goog-Signature={digest}", "publicRead", False),
    ],
)
def test_signed_addresses_are_private_and_others_are_not(
    settings: Settings, pattern: str, default_acl: str | None, is_private: bool
) -> None:
    options = {"pattern": pattern, "default_acl": default_acl}
    backend = {"BACKEND": "tests.checks.test_settings.Addressed", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": backend}
    assert set(found()) == (set() if is_private else {"vton.E021"})


def test_without_a_storage_a_folder_beside_the_media_is_private(settings: Settings, vton: Vton) -> None:
    vton(STORAGE=None)
    assert found() == {}
    settings.MEDIA_ROOT = ""
    assert "MEDIA_ROOT" in found()["vton.E020"]


def test_a_private_folder_without_a_location_is_not_the_media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    assert Path(PrivateFileSystemStorage().location) == tmp_path / "media-private"


# Queue ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({}, set()),
        ({"TIMEOUT": None}, {"vton.W030"}),
        ({"RETRY": 126}, {"vton.W031"}),
        ({"RETRY": 127}, set()),
        ({"SYNC": True}, {"vton.W032"}),
    ],
)
def test_the_cluster_has_to_run_a_task_once(
    vton: Vton, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], codes: set[str]
) -> None:
    vton(ENQUEUE=None)
    for name, value in values.items():
        monkeypatch.setattr(cluster_settings(), name, value)
    assert set(found()) == codes


def test_djangos_tasks_have_to_be_there(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("django.tasks", "django_tasks"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "django_vton.queue.django_tasks", raising=False)
    vton(ENQUEUE="django_vton.queue.by_django_tasks")
    assert "Django's tasks cannot be used" in found()["vton.E031"]


def test_djangos_tasks_need_a_worker(vton: Vton) -> None:
    """Their default runs a task at once, in the request."""
    vton(ENQUEUE="django_vton.queue.by_django_tasks")
    assert set(found()) == {"vton.W033"}


def test_without_a_queue_nothing_is_asked_of_any(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_settings(), "SYNC", True)
    vton(ENQUEUE="django_vton.queue.no_queue")
    assert found() == {}


def test_a_forgotten_queue_is_told_and_breaks_no_migration(tmp_path: Path) -> None:
    """django-q2 is the default, and not in INSTALLED_APPS."""
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.queue.backends.forgotten",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        "PYTHONPATH": os.pathsep.join(
            [str(ROOT), str(ROOT / "example_project"), os.environ.get("PYTHONPATH", "")]
        ),
    }

    def django(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "django", *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert "vton.E030" in django("check").stderr
    done = django("migrate", "--verbosity", "0", "--skip-checks")
    assert done.returncode == 0, done.stderr


def test_what_is_right_on_a_desk_alone(vton: Vton, settings: Settings) -> None:
    settings.MANAGERS = []
    vton(DAILY_BUDGET=None, MONTHLY_BUDGET=None, NOTIFY=[])
    assert found() == {}
    assert set(found(deploy=True)) == {"vton.W040", "vton.W041", "vton.W042"}
    live = {"PIXAZO_BASE_URL": "https://gateway.pixazo.ai", "PUBLIC_BASE_URL": "https://shop.example"}
    vton(**live, MONTHLY_BUDGET=Decimal(900), NOTIFY=["staff@shop.example"])
    assert found(deploy=True) == {}


# Products -------------------------------------------------------------------------------------------


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_registry", dict(products._registry))
    monkeypatch.setattr(products, "registration_problems", [])


class Pictured(products.TryOn):
    def get_image(self, product: models.Model) -> None:
        return None


class Wishful(Pictured):
    shopper_options = ("colour",)


class Engineless(Pictured):
    engine = "fashn-v9"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("model", "tryon", "words"),
    [
        ("shop.Nothing", Pictured, "no such model"),
        ("nodots", Pictured, "no such model"),
        ("a.b.c", Pictured, "no such model"),
        (42, Pictured, "no such model"),
        (None, Pictured, "no such model"),
        (Abstract, Pictured, "no such model"),
        (Pictured, Pictured, "no such model"),
        (Product, Pictured, "registered twice"),
        (Gown, dict, "no subclass of TryOn"),
        (Gown, len, "no subclass of TryOn"),
        (Gown, Pictured(Gown), "no subclass of TryOn"),
        (Hat, products.TryOn, "no get_image()"),
        (Gown, Wishful, "'colour'"),
        (Gown, Engineless, "fashn-v9"),
    ],
)
def test_a_wrong_registration_is_told_and_breaks_nothing(model: Any, tryon: Any, words: str) -> None:
    assert products.register(model)(tryon) is tryon
    messages = found()
    assert words in messages["vton.E010"]
    assert set(messages) == {"vton.E010"}
