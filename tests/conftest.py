"""Fixtures for all tests: products, shoppers, photos, settings, a sandbox gateway and a private storage."""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as active
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import translation
from PIL import Image, ImageDraw

from django_vton.house_models import add
from django_vton.sandbox import Gateway
from django_vton.utils import robust
from shop.models import Kind, Product

from . import fake_queues
from .intake_helpers import StoredFiles
from .live_shop import CHROMIUM, FIREFOX, REDIS_PORT, WEBKIT, RunningShop, is_listening
from .tryons import make_product

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from django_vton.models import PersonPhoto

# Projects with their own settings: `make hosts`.
collect_ignore = ["hosts"]

# The folders whose tests start browsers, shops and workers, the slowest first.
SLOW = ["browser", "faults", "deployments", "integration", "queue", "example", "management", "guides"]

# Of the log of each of a shop's processes, in the report of a failed test.
MAX_LOG_CHARACTERS = 5000

PhotoMaker = Callable[..., bytes]
Vton = Callable[..., None]


def pytest_report_header() -> list[str]:
    """The database, and the services whose tests are skipped."""
    services = {
        "PostgreSQL": is_listening(5432),
        "Redis": is_listening(REDIS_PORT),
        "Chromium": CHROMIUM is not None,
        "Firefox": FIREFOX is not None,
        "WebKit": WEBKIT is not None,
    }
    missing = [name for name, is_there in services.items() if not is_there]
    return [
        f"database: {connection.vendor} (DATABASE_URL= for another)",
        f"not found, so not tested: {', '.join(missing) or 'none'}",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow files, so that no process is still busy with one when the others have ended.

    pytest-django would run most of them last, because they use no database of this process.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        tests = config.rootpath / "tests"
        ranks = {tests / folder: rank for rank, folder in enumerate(SLOW)}
        items.sort(key=lambda item: min(ranks.get(parent, len(SLOW)) for parent in item.path.parents))


def pytest_collection() -> None:
    """What is loaded stays until the end, so the garbage collector need not visit it again and again."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its shop's processes have logged last."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for shop in (value for value in item.funcargs.values() if isinstance(value, RunningShop)):
            for log in shop.folder.glob("*.log"):
                report.sections.append((log.name, log.read_text(errors="replace")[-MAX_LOG_CHARACTERS:]))
    return report


@pytest.fixture(autouse=True)
def _assert_settings_are_restored() -> Iterator[None]:
    """Fail the test that leaves settings changed, instead of a later one."""
    before = active._wrapped  # type: ignore[misc]  # What `override_settings` replaces.
    yield
    assert active._wrapped is before, "the test left settings changed"  # type: ignore[misc]  # As above.


@pytest.fixture(autouse=True)
def _clear_cache() -> None:
    """The cache outlives a test, but its rows do not. So does what was logged in this minute."""
    cache.clear()
    robust.logged_at.clear()


@pytest.fixture(autouse=True)
def _deactivate_language() -> None:
    """A request activates a language in the thread, which the tests share."""
    translation.deactivate()


@pytest.fixture
def enqueued() -> list[str]:
    """The dotted paths that were enqueued since the test began."""
    fake_queues.enqueued.clear()
    return fake_queues.enqueued


@pytest.fixture
def vton(settings: Settings) -> Vton:
    """`vton(QUOTA="1/day")` changes the setting VTON for this test."""

    def change(**changes: Any) -> None:
        settings.VTON = {**settings.VTON, **changes}

    return change


@pytest.fixture
def gateway(vton: Vton) -> Iterator[Gateway]:
    """A sandbox gateway on a free port, which the package uses."""
    with Gateway(key="sandbox", seconds=0.2, retry_seconds=0.05) as running:
        vton(PIXAZO_BASE_URL=running.url, PIXAZO_API_KEY="sandbox")
        yield running


@pytest.fixture
def phone_photo() -> PhotoMaker:
    """`phone_photo(width, height, shade=n)`: a JPEG with an Exif rotation; each shade is another photo."""

    def make(width: int = 600, height: int = 800, *, shade: int = 0) -> bytes:
        picture = Image.new("RGB", (height, width), (150, (160 + 37 * shade) % 256, 170))
        draw = ImageDraw.Draw(picture)
        draw.ellipse((60, width // 2 - 60, 220, width // 2 + 60), fill=(224, 172, 140))
        exif = Image.Exif()
        exif[0x0112] = 6
        out = io.BytesIO()
        picture.save(out, "JPEG", exif=exif)
        return out.getvalue()

    return make


@pytest.fixture
def shirt(db: None) -> Product:  # noqa: ARG001 - opens the database
    return make_product("shirt", Kind.TOP)


@pytest.fixture
def glasses(db: None) -> Product:  # noqa: ARG001 - as above
    return make_product("glasses", Kind.EYEWEAR)


@pytest.fixture
def house_model(db: None, phone_photo: PhotoMaker) -> PersonPhoto:  # noqa: ARG001 - as above
    return add(name="Noa", file=io.BytesIO(phone_photo(shade=50)), suits=["garment"])


@pytest.fixture
def guest() -> Client:
    """The browser of a guest."""
    return Client()


@pytest.fixture
def stranger() -> Client:
    """The browser of another guest."""
    return Client()


@pytest.fixture
def files(settings: Settings, tmp_path: Path) -> StoredFiles:
    """A private storage in a temporary folder, whose files a test can list."""
    options = {"location": tmp_path / "private"}
    private = {"BACKEND": "django_vton.storage.PrivateFileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": private}
    return StoredFiles(tmp_path / "private")
