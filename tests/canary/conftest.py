"""A shop in which every secret is recognizable."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from django_vton import signals
from django_vton.models import Exchange, TryOnRequest
from django_vton.monitoring import metrics
from django_vton.sandbox import Gateway
from django_vton.storage import PrivateFileSystemStorage
from django_vton.utils import clock
from django_vton.worker import dispatcher
from tests.canary import canaries
from tests.canary.canaries import ADDRESS, ALWAYS_SECRET, CAPTCHA, FILE_NAME, KEY, TOKEN
from tests.tryons import TRY_ONS, product_ref, uploaded_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product
    from tests.canary.canaries import LogRecorder, ResultHost
    from tests.conftest import PhotoMaker, Vton
    from tests.intake_helpers import StoredFiles


CALLBACKS: list[Callable[[], object]] = []
"""What the shop's hooks call in this test."""


def hook(*_args: Any) -> bool:
    """The hook for CAPTCHA."""
    for callback in CALLBACKS:
        callback()
    return True


def moderate(data: bytes, product: Any) -> bool:
    """The hook for MODERATE, which has the photo in a local variable."""
    return bool(data) and hook(product)


def fail() -> None:
    raise ValueError("The shop's own code failed.")


KINDS = {"Job(", "VendorResponse(", "<PixazoClient", "<Attempt:", "Visitor("}
"""The beginnings of the reprs that a good render must have shown."""


def kinds_in(reprs: list[str]) -> set[str]:
    return {kind for kind in KINDS if kind in "".join(reprs)}


class FullDisk(PrivateFileSystemStorage):
    """Fails like a real storage: the bytes are in a local variable."""

    def _save(self, name: str, content: Any) -> str:
        data = content.read()
        raise OSError(f"The disk is full: {len(data)} bytes for {name[:4]}.")


def fill_disk(settings: Settings) -> None:
    options = settings.STORAGES["vton"]["OPTIONS"]
    settings.STORAGES = settings.STORAGES | {
        "vton": {"BACKEND": "tests.canary.conftest.FullDisk", "OPTIONS": options}
    }


def make_due() -> None:
    """Make all waiting rows due."""
    TryOnRequest.objects.filter(due_at__isnull=False).update(due_at=clock.now(), lease_until=None)


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 500), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.fixture(autouse=True)
def _secrets(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    vton: Vton,
    live_server: LiveServer,
    files: StoredFiles,  # noqa: ARG001 - a folder of the test's own
) -> Iterator[None]:
    canaries.mark_tokens(monkeypatch)
    settings.ADMINS = ["o@shop.example"] if django.VERSION >= (6, 0) else [("O", "o@shop.example")]
    vton(PUBLIC_BASE_URL=live_server.url, ENQUEUE=None, CAPTCHA="tests.canary.conftest.hook")
    vton(TRANSCRIPT=True)
    monkeypatch.setattr(dispatcher, "TIME_SLICE_SECONDS", 1.5)
    vton(MODERATE="tests.canary.conftest.moderate")
    CALLBACKS.clear()
    with Gateway(key=KEY, seconds=0.02, retry_seconds=0.02) as gateway:
        vton(PIXAZO_BASE_URL=gateway.url, PIXAZO_API_KEY=KEY)
        CanaryShop.gateway = gateway
        yield


class CanaryShop:
    """A shop with a shopper whose data is recognizable, and everything it has shown."""

    gateway: Gateway

    def __init__(self, photo: bytes, logs: LogRecorder, host: ResultHost) -> None:
        self.photo, self.logs, self.host = canaries.mark_photo(photo), logs, host
        self.client = Client(REMOTE_ADDR=ADDRESS, raise_request_exception=False)
        self.signals: list[str] = []
        self.reprs: list[str] = []

    def order(self, product: Product) -> Any:
        """Order as the dialog does, with everything that a browser sends."""
        body = {
            "product": product_ref(product),
            "consent": "true",
            "keep_photo": "true",
            "captcha": CAPTCHA,
            "photo": uploaded_photo(self.photo, f"{FILE_NAME}.jpg"),
        }
        return self.client.post(TRY_ONS, body)

    def order_through(self, entry_point: str, product: Product) -> Any:
        """Order through the API as a form or as JSON, or through the page without JavaScript."""
        if entry_point == "api":
            return self.order(product)
        if entry_point == "json":
            photo = str(self.client.get(reverse("vton:photos")).json()["photos"][0]["id"])
            body = {"product": product_ref(product), "photo_id": photo, "captcha": CAPTCHA}
            return self.client.post(TRY_ONS, body, content_type="application/json")
        form = {"consent": "on", "captcha": CAPTCHA, "photo": uploaded_photo(self.photo, f"{FILE_NAME}.jpg")}
        return self.client.post(reverse("vton:try", args=[product_ref(product)]), form)

    def on_signal(self, **arguments: Any) -> None:
        self.signals.append(repr(arguments))

    def record_reprs(self) -> None:
        """Record the reprs of the objects that are in memory now."""
        self.reprs.append(canaries.object_reprs())

    def assert_nothing_leaked(self, admin_client: Client, *, is_mailed: bool = False) -> None:
        """Search for each canary everywhere, except in the places named in `test_renders`."""
        session = self.client.session.session_key or "no session"
        everywhere = (*ALWAYS_SECRET, TOKEN, session)
        self.record_reprs()
        output = [io.StringIO(), io.StringIO()]
        for out, flags in zip(output, ([], ["--json"]), strict=True):
            with suppress(SystemExit):
                call_command("vton_doctor", *flags, stdout=out)
        for pk in Exchange.objects.values_list("attempt__request", flat=True).distinct():
            for flags in ([], ["--json"]):
                output.append(io.StringIO())
                call_command("vton_transcript", str(pk), *flags, stdout=output[-1])
        canaries.assert_absent("the log", "\n".join(self.logs.lines), *everywhere)
        # While Django writes an error report, its templates log their context at DEBUG.
        lines = [line for line in self.logs.lines if " django.template " not in line]
        canaries.assert_absent("the log", "\n".join(lines), ADDRESS)
        canaries.assert_absent("a mail", canaries.mail_text(), *everywhere)
        canaries.assert_absent("the tables", canaries.database_text(), *everywhere, ADDRESS)
        canaries.assert_absent("the admin", canaries.admin_text(admin_client), *everywhere, ADDRESS)
        canaries.assert_absent("a command", "".join(it.getvalue() for it in output), *everywhere, ADDRESS)
        canaries.assert_absent("the metrics", metrics.exposition().decode(), *everywhere, ADDRESS)
        canaries.assert_absent("a signal", "\n".join(self.signals), *everywhere, ADDRESS)
        canaries.assert_absent("a repr", "\n".join(self.reprs), *everywhere)
        export = self.client.get(reverse("vton:me"))
        assert export.status_code == 200
        canaries.assert_absent("the export", export.content.decode(), *everywhere, ADDRESS)
        # A locked SQLite may fail a callback, which is mailed and repeated.
        reports = [it for it in mail.outbox if "database is locked" not in str(it.body)]
        assert bool(reports) == is_mailed


@pytest.fixture
def canary_shop(phone_photo: PhotoMaker) -> Iterator[CanaryShop]:
    with canaries.record_logs() as logs, canaries.result_host() as host:
        canary_shop = CanaryShop(phone_photo(), logs, host)
        for signal in (signals.tryon_completed, signals.tryon_failed, signals.tryon_needs_attention):
            signal.connect(canary_shop.on_signal)
        yield canary_shop
        for signal in (signals.tryon_completed, signals.tryon_failed, signals.tryon_needs_attention):
            signal.disconnect(canary_shop.on_signal)


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client
