"""Recognizable secrets, and a search for them in everything that a shop stores or shows."""

from __future__ import annotations

import gc
import itertools
import json
import logging
import secrets
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.core import mail, serializers
from django.core.exceptions import ObjectDoesNotExist
from django.db import connections, models
from django.db.backends.signals import connection_created
from django.urls import NoReverseMatch, reverse
from django.utils.log import AdminEmailHandler

from tests.intake_helpers import normalize_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest
    from django.test import Client

KEY = "CANARYKEY0123456789abcdef0123456789"
TOKEN = "CanaryToken"
"""The beginning of every random token: of callbacks, links and guests."""

SIGNATURE = "CANARYSIGNATURE"
CAPTCHA = "CANARYCAPTCHA"
FILE_NAME = "CANARYFILENAME"
PHOTO = "CANARYPHOTO"
"""In the bytes of the uploaded photo. A photo that the package has encoded begins as below."""

ADDRESS = "203.0.113.77"
OUR_JPEG = (r"\xff\xd8\xff\xe0", "/9j/4AAQ")
"""The beginning of a JPEG that the package has encoded, as a Python literal and in base64."""

ALWAYS_SECRET = (KEY, SIGNATURE, CAPTCHA, FILE_NAME, PHOTO, *OUR_JPEG)


def mark_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every token of `secrets` recognizable, with its usual length."""
    numbers = itertools.count(1)
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _n=32: f"{TOKEN}{next(numbers):032d}")


def mark_photo(jpeg: bytes) -> bytes:
    """Return the same JPEG with a comment."""
    comment = PHOTO.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


class LogRecorder(logging.Handler):
    """Records every log line of every logger, with its arguments."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.names: set[str] = set()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(pathname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)
        self.lines.append(f"{self.format(record)} {record.args!r}")


@contextmanager
def record_logs() -> Iterator[LogRecorder]:
    """Record all loggers at every level; errors are also mailed to the admins, with local variables."""
    recorder, mailer = LogRecorder(), AdminEmailHandler(include_html=True)
    mailer.setLevel(logging.ERROR)
    names = [name for name, it in logging.root.manager.loggerDict.items() if isinstance(it, logging.Logger)]
    known = [logging.getLogger(name) for name in ("httpx", "httpcore.http11", "httpcore.connection", *names)]
    before = [(it, it.level, it.propagate, it.disabled) for it in (logging.root, *known)]
    for it in known:
        it.setLevel(logging.NOTSET)
        it.propagate, it.disabled = True, False
    logging.root.setLevel(logging.DEBUG)
    for handler in (recorder, mailer):
        logging.root.addHandler(handler)
    try:
        yield recorder
    finally:
        for handler in (recorder, mailer):
            logging.root.removeHandler(handler)
        for it, level, propagate, disabled in before:
            it.setLevel(level)
            it.propagate, it.disabled = propagate, disabled


def mail_text() -> str:
    """Subject, text and HTML of each mail."""
    parts = []
    for message in mail.outbox:
        admin_text = [str(page[0]) for page in getattr(message, "alternatives", [])]
        parts += [str(message.subject), str(message.body), *admin_text]
    return "\n".join(parts)


def database_text() -> str:
    """Every row of every table, except sessions, which hold a guest's own token."""
    kinds = [model for model in apps.get_models() if model._meta.app_label != "sessions"]
    rows: list[Any] = [row for model in kinds for row in model._base_manager.all()]
    tasks = [repr(row.task) for row in rows if row._meta.model_name == "ormq"]
    return str(serializers.serialize("json", rows)) + "\n".join(tasks)


def admin_text(admin_client: Client) -> str:
    """The admin's list of each model and the page of each row."""
    found = []
    for model in admin.site._registry:
        if model._meta.app_label not in {"vton", "django_q"}:
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        urls = [reverse(f"{name}_changelist")]
        with suppress(NoReverseMatch):  # The products page has no page for a row.
            urls += [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()]
        for url in urls:
            response = admin_client.get(url, follow=True)
            assert response.status_code == 200, url
            found.append(response.content.decode())
    assert len(found) > 5
    return "\n".join(found)


def object_reprs() -> str:
    """`repr` and `str` of every living object of the package."""
    found = []
    gc.collect()  # Objects of earlier tests do not count.
    for obj in gc.get_objects():
        module = str(type(obj).__module__)
        # The repr of a query set would query the database, and the sandbox is the vendor.
        if (
            module.startswith("django_vton.")
            and ".sandbox" not in module
            and not isinstance(obj, models.QuerySet)
        ):
            with suppress(ObjectDoesNotExist):  # An object of an earlier test, whose user is deleted.
                found += [repr(obj), str(obj)]
    return "\n".join(found)


def assert_absent(where: str, text: str, *canaries: str) -> None:
    """Assert that none of the canaries is in the text; the message shows what surrounds it."""
    for canary in canaries:
        before_statement = text.find(canary)
        assert before_statement < 0, (
            f"{canary} in {where}: ...{text[max(0, before_statement - 300) : before_statement + 100]}..."
        )


def before_statement(part: str, callback: Callable[[], object]) -> Any:
    """Return an `execute_wrapper` that calls back before a statement with this part."""

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        if part in normalize_sql(sql):
            callback()
        return execute(sql, *rest)

    return wrapper


def raising(error: Exception) -> Callable[[], None]:
    """Return a callback that raises this error."""

    def callback() -> None:
        raise error

    return callback


@contextmanager
def before_statement_on_new_connections(part: str, callback: Callable[[], object]) -> Iterator[None]:
    """As `before_statement`, on every connection opened in the block, such as those of a worker."""

    wrapper, opened = before_statement(part, callback), []

    def on_open(connection: Any, **_kwargs: Any) -> None:
        connection.execute_wrappers.append(wrapper)
        opened.append(connection)

    connection_created.connect(on_open)
    try:
        yield
    finally:
        connection_created.disconnect(on_open)
        for connection in opened:  # The test's own connection may be among them.
            connection.execute_wrappers.remove(wrapper)


@dataclass
class ResultHost:
    """The vendor's host of result images: it sends `response`, after it has called `on_request`."""

    response: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    on_request: Callable[[], object] = lambda: None
    url: str = ""
    requested: list[str] = field(default_factory=list)


@contextmanager
def result_host() -> Iterator[ResultHost]:
    host = ResultHost()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.requested.append(self.path)
            host.on_request()
            connections.close_all()  # `on_request` may have opened one in this thread.
            status, headers, body = host.response
            if not status:  # Hangs up.
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Nothing: this is the vendor's log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_port}/renders/1.png?X-Amz-Signature={SIGNATURE}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_json(value: Any) -> str:
    """Return a value as JSON, or the repr of what JSON does not support."""
    return json.dumps(value, ensure_ascii=False, default=repr)
