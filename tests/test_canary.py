"""Key, links, tokens, addresses and photos are in no log, mail, table, page or repr, whatever happens.

Allowed, on purpose: a guest's own token in the session's data; the address of a finished picture in
`result_urls` until it is fetched; in Django's own part of an error report the request's META, with the
caller's address (the shop's settings filter it). With DEBUG the page about an error shows the form that was
sent; it shows no key and no token.
"""

from __future__ import annotations

import io
import json
import logging
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from django_vton import signals, tasks
from django_vton.models import Attempt, TryOnRequest, VendorLink
from django_vton.sandbox import Gateway
from django_vton.storage import PrivateFileSystemStorage
from django_vton.worker import dispatcher
from tests import canaries
from tests.canaries import ADDRESS, ALWAYS_SECRET, CAPTCHA, FILE_NAME, KEY, SIGNATURE, TOKEN
from tests.lifecycle.desk import OneLook
from tests.tryons import TRY_ONS, make_product, product_ref, uploaded_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product
    from tests.canaries import LogRecorder, ResultHost
    from tests.conftest import PhotoMaker, Vton
    from tests.intake_helpers import StoredFiles

pytestmark = pytest.mark.django_db(transaction=True)

MOMENTS: list[Callable[[], object]] = []
"""What the shop's hooks do in this test."""


def hook(*_args: Any) -> bool:
    """As CAPTCHA and MODERATE name it."""
    for moment in MOMENTS:
        moment()
    return True


def moderate(data: bytes, product: Any) -> bool:
    """A shop's hook, whose own variable is the photo."""
    return bool(data) and hook(product)


def fail() -> None:
    raise ValueError("The shop's own code broke.")


def names(said: list[str]) -> set[str]:
    """Which kinds of objects were heard."""
    kinds = ("Job(", "Answer(", "<Pixazo at", "<Attempt:", "Visitor(")
    return {kind for kind in kinds if kind in "".join(said)}


class FullDisk(PrivateFileSystemStorage):
    """As a storage does it: the bytes are in its hands when it fails."""

    def _save(self, name: str, content: Any) -> str:
        data = content.read()
        raise OSError(f"The disk is full: {len(data)} bytes for {name[:4]}.")


def full_disk(settings: Settings) -> None:
    options = settings.STORAGES["vton"]["OPTIONS"]
    settings.STORAGES = settings.STORAGES | {"vton": {"BACKEND": f"{__name__}.FullDisk", "OPTIONS": options}}


def hurry() -> None:
    """The time of what waits has come."""
    TryOnRequest.objects.filter(due_at__isnull=False).update(due_at=timezone.now(), lease_until=None)


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
    vton(PUBLIC_BASE_URL=live_server.url, ENQUEUE=None, CAPTCHA=f"{__name__}.hook")
    monkeypatch.setattr(dispatcher, "SLICE", 1.5)
    vton(MODERATE=f"{__name__}.moderate")
    MOMENTS.clear()
    with Gateway(key=KEY, seconds=0.02, retry_seconds=0.02) as gateway:
        vton(PIXAZO_BASE_URL=gateway.url, PIXAZO_API_KEY=KEY)
        Scene.gateway = gateway
        yield


class Scene:
    """A shopper who can be told at sight, and all that is looked at."""

    gateway: Gateway

    def __init__(self, photo: bytes, watch: LogRecorder, host: ResultHost) -> None:
        self.photo, self.watch, self.host = canaries.mark_photo(photo), watch, host
        self.client = Client(REMOTE_ADDR=ADDRESS, raise_request_exception=False)
        self.heard: list[str] = []
        self.said: list[str] = []

    def ask(self, product: Product) -> Any:
        """As the dialog asks, with all that a browser tells."""
        body = {
            "product": product_ref(product),
            "consent": "true",
            "keep_photo": "true",
            "captcha": CAPTCHA,
            "photo": uploaded_photo(self.photo, f"{FILE_NAME}.jpg"),
        }
        return self.client.post(TRY_ONS, body)

    def send(self, product: Product, door: str) -> Any:
        """Through the API as a form or as JSON, or through the page without JavaScript."""
        if door == "api":
            return self.ask(product)
        if door == "json":
            photo = str(self.client.get(reverse("vton:photos")).json()["photos"][0]["id"])
            body = {"product": product_ref(product), "photo_id": photo, "captcha": CAPTCHA}
            return self.client.post(TRY_ONS, body, content_type="application/json")
        form = {"consent": "on", "captcha": CAPTCHA, "photo": uploaded_photo(self.photo, f"{FILE_NAME}.jpg")}
        return self.client.post(reverse("vton:try", args=[product_ref(product)]), form)

    def hear(self, **arguments: Any) -> None:
        self.heard.append(repr(arguments))

    def look(self) -> None:
        """What the objects in memory say of themselves, now."""
        self.said.append(canaries.object_reprs())

    def assert_nothing_leaked(self, boss: Client, *, is_mailed: bool = False) -> None:
        """Looked for everywhere, each canary but for the places that are named above."""
        session = self.client.session.session_key or "no session"
        everywhere = (*ALWAYS_SECRET, TOKEN, session)
        self.look()
        doctor = [io.StringIO(), io.StringIO()]
        for out, flags in zip(doctor, ([], ["--json"]), strict=True):
            with suppress(SystemExit):
                call_command("vton_doctor", *flags, stdout=out)
        canaries.assert_absent("the log", "\n".join(self.watch.lines), *everywhere)
        # While Django writes a report, its templates log at DEBUG what they are given.
        ours = [line for line in self.watch.lines if " django.template " not in line]
        canaries.assert_absent("the log", "\n".join(ours), ADDRESS)
        canaries.assert_absent("a mail", canaries.mail_text(), *everywhere)
        canaries.assert_absent("the tables", canaries.database_text(), *everywhere, ADDRESS)
        canaries.assert_absent("the admin", canaries.admin_text(boss), *everywhere, ADDRESS)
        canaries.assert_absent("the doctor", "".join(it.getvalue() for it in doctor), *everywhere, ADDRESS)
        canaries.assert_absent("a signal", "\n".join(self.heard), *everywhere, ADDRESS)
        canaries.assert_absent("a repr", "\n".join(self.said), *everywhere)
        export = self.client.get(reverse("vton:me"))
        assert export.status_code == 200
        canaries.assert_absent("the export", export.content.decode(), *everywhere, ADDRESS)
        # SQLite may turn a callback away, which is mailed and comes again.
        reports = [it for it in mail.outbox if "database is locked" not in str(it.body)]
        assert bool(reports) == is_mailed


@pytest.fixture
def scene(phone_photo: PhotoMaker) -> Iterator[Scene]:
    with canaries.record_logs() as watch, canaries.result_host() as host:
        scene = Scene(phone_photo(), watch, host)
        for signal in (signals.tryon_completed, signals.tryon_failed, signals.tryon_needs_attention):
            signal.connect(scene.hear)
        yield scene
        for signal in (signals.tryon_completed, signals.tryon_failed, signals.tryon_needs_attention):
            signal.disconnect(scene.hear)


@pytest.fixture
def boss(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def test_the_canaries_sing(scene: Scene, boss: Client, shirt: Product) -> None:
    """Each place is really looked at: what is put there on purpose is found."""
    logging.getLogger("httpcore.http11").debug("to %s", KEY)
    with pytest.raises(AssertionError, match="the log"):
        canaries.assert_absent("the log", "\n".join(scene.watch.lines), KEY)
    try:
        token = f"{TOKEN}1"
        raise ValueError(len(token))  # noqa: TRY301 - a frame with a secret in it
    except ValueError:
        logging.getLogger("django_vton.worker.dispatcher").exception("broke off")
    with pytest.raises(AssertionError, match="a mail"):
        canaries.assert_absent("a mail", canaries.mail_text(), TOKEN)
    assert scene.ask(shirt).status_code == 202
    Attempt.objects.update(error=f"no: {KEY}")
    for where, text in (("tables", canaries.database_text()), ("admin", canaries.admin_text(boss))):
        with pytest.raises(AssertionError, match=where):
            canaries.assert_absent(where, text, KEY)


# Renders --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["top", "eyewear"])
def test_a_good_render(scene: Scene, boss: Client, kind: str) -> None:
    product = make_product("thing", kind)
    scene.host.answer, scene.host.look = (200, {}, png()), scene.look
    scene.gateway.scenario(result_url=scene.host.url)
    MOMENTS.append(scene.look)
    answer = scene.ask(product)
    assert answer.status_code == 202
    with canaries.before_statement_on_new_connections(
        '"raw" = ', scene.look
    ):  # The vendor's answer is in our hands.
        tasks.dispatch()
        hurry()
        tasks.dispatch()
    row = TryOnRequest.objects.get()
    assert row.state == "completed", canaries.as_json(list(row.events.values("name")))
    assert SIGNATURE in scene.host.asked[0]
    assert {"Job(", "Answer(", "<Pixazo at", "<Attempt:", "Visitor("} <= names(scene.said)
    assert scene.heard
    assert {"httpx", "asyncio", "PIL.PngImagePlugin", "django_vton.lifecycle"} & scene.watch.names
    shown = canaries.as_json(scene.client.get(answer["Location"]).json())
    canaries.assert_absent("the answer", shown, *ALWAYS_SECRET, TOKEN, ADDRESS)
    scene.assert_nothing_leaked(boss)


@pytest.mark.parametrize(
    "trouble",
    [
        {"submit_status": 401, "submit_error": f"The key {KEY} is not valid."},
        {"submit_status": 400, "submit_error": f"Cannot load http://shop.example/try-on/files/{TOKEN}1/"},
        {"submit_status": 500, "submit_error": f"PipelineError: '{KEY}'"},
        {"submit_status": 502, "submit_html": True},
        {"submit": "close"},
        {"submit": "no_id"},
        {"outcome": "FAILED", "error": f"ImageLoadError: https://shop.example/f/{TOKEN}1?k={KEY}"},
        {"outcome": "ERROR", "error": f"s3://bucket/{TOKEN}2/?X-Amz-Signature={SIGNATURE}"},
        {"failed_asks": 1},
        {"callback_body": f'{{"request_id": "{KEY}", "error": "{TOKEN}"}}'},
    ],
    ids=lambda it: "-".join(map(str, next(iter(it.items()))))[:24],
)
def test_a_render_that_the_vendor_spoils(
    scene: Scene, boss: Client, shirt: Product, trouble: dict[str, Any]
) -> None:
    scene.gateway.scenario(**trouble, times=None)
    assert scene.ask(shirt).status_code == 202
    for _ in range(3):
        dispatcher.run(stop=OneLook())
        hurry()
    is_stopped = trouble.get("submit_status") == 401
    scene.assert_nothing_leaked(boss, is_mailed=is_stopped)


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        (f"ftp://cdn.example/1.png?sig={SIGNATURE}", None),
        (f"http://user:{SIGNATURE}@127.0.0.1/1.png", None),
        (f"https://127.0.0.1:1/{SIGNATURE}.png", None),
        (f"https://nowhere.invalid/{SIGNATURE}.png?{SIGNATURE}", None),
        (f"https://[::1/{SIGNATURE}", None),
        (f"http://127.0.0.1:99999/{SIGNATURE}", None),
        ("", (0, {}, b"")),
        ("", (500, {"X-Amz-Id": SIGNATURE}, SIGNATURE.encode())),
        ("", (410, {}, b"")),
        ("", (302, {"Location": f"https://other.example/?{SIGNATURE}"}, b"")),
        ("", (200, {"Content-Type": "text/html"}, f"<html>{SIGNATURE}".encode())),
        ("", (200, {}, png()[:600])),
        ("", (200, {"Content-Length": "9000"}, png())),
    ],
)
def test_a_picture_that_does_not_come(
    scene: Scene, boss: Client, shirt: Product, url: str, answer: tuple[int, dict[str, str], bytes] | None
) -> None:
    scene.gateway.scenario(result_url=url or scene.host.url)
    if answer:
        scene.host.answer = answer
    assert scene.ask(shirt).status_code == 202
    for _ in range(8):
        dispatcher.run(stop=OneLook())
        hurry()
    row = TryOnRequest.objects.get()
    assert row.state != "completed"
    if row.state != "failed":
        # Its address is still needed; a cancel ends that.
        scene.client.post(reverse("vton:cancel", args=[row.pk]))
    scene.assert_nothing_leaked(boss)


# Our own trouble ------------------------------------------------------------------------------------


def test_the_lease_is_over_when_the_connection_stands(
    scene: Scene, boss: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LAST_POST", -100.0)
    scene.ask(shirt)
    dispatcher.run(stop=OneLook())
    assert any("broke off" in line for line in scene.watch.lines)
    scene.assert_nothing_leaked(boss, is_mailed=True)


@pytest.mark.parametrize(
    "statement",
    ['INSERT INTO "vton_vendorlink"', '"result_urls" = ', '"outcome" = ', '"token_hash" = '],
)
def test_the_database_breaks_in_the_pump(scene: Scene, boss: Client, shirt: Product, statement: str) -> None:
    scene.host.answer = (200, {}, png())
    scene.gateway.scenario(result_url=scene.host.url)
    scene.ask(shirt)
    failing = canaries.raising(ProgrammingError("The database broke."))
    with canaries.before_statement_on_new_connections(statement, failing):
        for _ in range(3):
            tasks.dispatch()
            hurry()
    assert any("The database broke." in line for line in scene.watch.lines)
    scene.assert_nothing_leaked(boss, is_mailed=True)


@pytest.mark.parametrize("kind", ["top", "eyewear"])
def test_the_disk_breaks_in_the_pump(
    scene: Scene, boss: Client, files: StoredFiles, settings: Settings, kind: str
) -> None:
    storages = settings.STORAGES
    scene.host.answer = (200, {}, png())
    scene.gateway.scenario(result_url=scene.host.url)
    scene.ask(make_product("thing", kind))
    if kind == "eyewear":
        for path in (files.root / "vton" / "photos").rglob("*.jpg"):
            path.unlink()
    else:
        full_disk(settings)
    tasks.dispatch()
    if kind == "top":
        for _slice in range(5):  # One may end before the fetch.
            if any("was not stored" in line for line in scene.watch.lines):
                break
            hurry()
            tasks.dispatch()
        assert any("was not stored" in line for line in scene.watch.lines)
        settings.STORAGES = storages
        tasks.dispatch()
        hurry()
        dispatcher.run(stop=OneLook())
    scene.assert_nothing_leaked(boss, is_mailed=True)


# Views that break -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "status"), [("captcha", 503), ("moderate", 503), ("disk", 500), ("database", 500)], ids=str
)
@pytest.mark.parametrize("door", ["api", "json", "page"])
def test_a_view_that_breaks_is_mailed_without_secrets(
    scene: Scene, boss: Client, shirt: Product, settings: Settings, how: str, status: int, door: str
) -> None:
    scene.ask(shirt)  # There is a session, and a guest with a token.
    TryOnRequest.objects.update(cache_key="another")
    if how in {"captcha", "moderate"}:
        settings.VTON = settings.VTON | {"MODERATE" if how == "captcha" else "CAPTCHA": None}
        MOMENTS.append(fail)
    elif how == "disk":
        full_disk(settings)
    failing = canaries.raising(ProgrammingError("The database broke."))
    broken = canaries.before_statement('INSERT INTO "vton_tryonrequest"', failing)
    with connection.execute_wrapper(broken) if how == "database" else nullcontext():
        response = scene.send(shirt, door)
    if how in {"moderate", "disk"} and door == "json":
        assert response.status_code == 202  # There is no new photo.
        return
    assert response.status_code == status
    canaries.assert_absent("the page", response.content.decode(), *ALWAYS_SECRET, TOKEN, ADDRESS)
    assert "Traceback" in canaries.mail_text()
    scene.assert_nothing_leaked(boss, is_mailed=True)


@pytest.mark.parametrize("door", ["api", "page"])
def test_the_page_about_an_error_in_debug_shows_no_key_and_no_token(
    scene: Scene, shirt: Product, settings: Settings, door: str
) -> None:
    scene.ask(shirt)
    settings.DEBUG = True
    full_disk(settings)
    response = scene.send(shirt, door)
    text = response.content.decode()
    assert response.status_code == 500
    assert "The disk is full" in text
    canaries.assert_absent("the page", text, KEY, TOKEN, SIGNATURE, canaries.PHOTO, *canaries.OUR_JPEG)


# Doors whose address is a secret --------------------------------------------------------------------


@pytest.fixture
def at_vendor(scene: Scene, shirt: Product) -> TryOnRequest:
    """With its callback's token and its links alive."""
    scene.gateway.scenario(outcome="SIMMERING", callbacks=0)
    scene.ask(shirt)
    dispatcher.run(stop=OneLook())
    row = TryOnRequest.objects.get()
    assert row.state == "submitted"
    assert VendorLink.objects.count() == 2
    return row


@pytest.mark.usefixtures("at_vendor")
@pytest.mark.parametrize(("door", "method"), [("callback", "post"), ("vendor-file", "get")])
@pytest.mark.parametrize("debug", [False, True])
def test_a_door_for_the_vendor_that_breaks_asks_it_to_come_again(
    scene: Scene, boss: Client, settings: Settings, door: str, method: str, debug: bool
) -> None:
    failing = canaries.raising(OperationalError("The database is away."))
    settings.DEBUG = debug
    secret = reverse(f"vton:{door}", args=[f"{TOKEN}{7:032d}"])
    with connection.execute_wrapper(canaries.before_statement("token_hash", failing)):
        response = getattr(scene.client, method)(secret)
    assert (response.status_code, response.content) == (503, b"")
    assert any("The database is away." in line for line in scene.watch.lines)
    settings.DEBUG = False
    scene.assert_nothing_leaked(boss, is_mailed=True)


@pytest.mark.usefixtures("at_vendor")
def test_what_a_door_for_the_vendor_refuses_is_not_logged(scene: Scene, boss: Client) -> None:
    for door, methods in (("callback", ["get", "put"]), ("vendor-file", ["post", "get"])):
        secret = reverse(f"vton:{door}", args=[f"{TOKEN}{99:032d}"])
        for method in methods:
            assert getattr(scene.client, method)(secret).status_code in {404, 405}
    scene.assert_nothing_leaked(boss)


def test_what_is_kept_of_the_vendors_words_is_json_without_links(scene: Scene, shirt: Product) -> None:
    scene.host.answer = (200, {}, png())
    scene.gateway.scenario(result_url=scene.host.url)
    scene.ask(shirt)
    tasks.dispatch()
    raw = json.dumps(Attempt.objects.get().raw)
    assert "request_id" in raw
    assert "http" not in raw
