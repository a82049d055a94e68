"""Secrets that can be told at sight, and everything that a shop keeps or shows, searched for them."""

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
from django.urls import reverse
from django.utils.log import AdminEmailHandler

from tests.intake_helpers import normalize_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest
    from django.test import Client

KEY = "CANARYKEY0123456789abcdef0123456789"
TOKEN = "CANARYTOKEN"
"""How every random token begins: callbacks', links' and guests'."""

SIGNATURE = "CANARYSIGNATURE"
CAPTCHA = "CANARYCAPTCHA"
FILE_NAME = "CANARYFILENAME"
PHOTO = "CANARYPHOTO"
"""In the bytes of the photo as it is sent; what we write anew begins as below."""

ADDRESS = "203.0.113.77"
OUR_JPEG = (r"\xff\xd8\xff\xe0", "/9j/4AAQ")
"""The beginning of a JPEG as we write it, in Python's words and in Base64."""

ALWAYS_SECRET = (KEY, SIGNATURE, CAPTCHA, FILE_NAME, PHOTO, *OUR_JPEG)


def mark_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token of `secrets` can be told at sight, and is as long as ever."""
    numbers = itertools.count(1)
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _n=32: f"{TOKEN}{next(numbers):032d}")


def mark_photo(jpeg: bytes) -> bytes:
    """The same photo, with a comment at its beginning."""
    comment = PHOTO.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


class LogRecorder(logging.Handler):
    """Every log record of every logger, as a file and as a mail to the admins would have it."""

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
    """All loggers say all they have to say; what is an error is mailed, with the variables of each frame."""
    watch, mailer = LogRecorder(), AdminEmailHandler(include_html=True)
    mailer.setLevel(logging.ERROR)
    names = [name for name, it in logging.root.manager.loggerDict.items() if isinstance(it, logging.Logger)]
    known = [logging.getLogger(name) for name in ("httpx", "httpcore.http11", "httpcore.connection", *names)]
    before = [(it, it.level, it.propagate, it.disabled) for it in (logging.root, *known)]
    for it in known:
        it.setLevel(logging.NOTSET)
        it.propagate, it.disabled = True, False
    logging.root.setLevel(logging.DEBUG)
    for handler in (watch, mailer):
        logging.root.addHandler(handler)
    try:
        yield watch
    finally:
        for handler in (watch, mailer):
            logging.root.removeHandler(handler)
        for it, level, propagate, disabled in before:
            it.setLevel(level)
            it.propagate, it.disabled = propagate, disabled


def mail_text() -> str:
    """Each mail with its subject, its text and its HTML."""
    parts = []
    for message in mail.outbox:
        admin_text = [str(page[0]) for page in getattr(message, "alternatives", [])]
        parts += [str(message.subject), str(message.body), *admin_text]
    return "\n".join(parts)


def database_text() -> str:
    """Every row of every table, but for the sessions: what is in theirs is the shop's own to keep."""
    kinds = [model for model in apps.get_models() if model._meta.app_label != "sessions"]
    rows: list[Any] = [row for model in kinds for row in model._base_manager.all()]
    tasks = [repr(row.task) for row in rows if row._meta.model_name == "ormq"]
    return str(serializers.serialize("json", rows)) + "\n".join(tasks)


def admin_text(boss: Client) -> str:
    """The admin's list of each model, and the page of each row."""
    found = []
    for model in admin.site._registry:
        if model._meta.app_label not in {"vton", "django_q"}:
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        addresses = [reverse(f"{name}_changelist")]
        addresses += [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()]
        for address in addresses:
            response = boss.get(address, follow=True)
            assert response.status_code == 200, address
            found.append(response.content.decode())
    assert len(found) > 5
    return "\n".join(found)


def object_reprs() -> str:
    """What each object of ours that is alive says of itself, in both ways."""
    found = []
    gc.collect()  # What earlier tests left is not to be looked at.
    for thing in gc.get_objects():
        home = str(type(thing).__module__)
        # A query set would ask the database for its repr, and the sandbox is the vendor.
        if (
            home.startswith("django_vton.")
            and ".sandbox" not in home
            and not isinstance(thing, models.QuerySet)
        ):
            with suppress(ObjectDoesNotExist):  # One of an earlier test, whose user is gone.
                found += [repr(thing), str(thing)]
    return "\n".join(found)


def assert_absent(where: str, text: str, *canaries: str) -> None:
    """None of them is in the text; where one is, its surroundings are told."""
    for canary in canaries:
        before_statement = text.find(canary)
        assert before_statement < 0, f"{canary} in {where}: ...{text[max(0, before_statement - 300) : before_statement + 100]}..."


def before_statement(words: str, moment: Callable[[], object]) -> Any:
    """For `execute_wrapper`: the moment before a statement with these words."""

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        if words in normalize_sql(sql):
            moment()
        return execute(sql, *rest)

    return look


def raising(error: Exception) -> Callable[[], None]:
    """A moment at which the database breaks."""

    def moment() -> None:
        raise error

    return moment


@contextmanager
def before_statement_on_new_connections(words: str, moment: Callable[[], object]) -> Iterator[None]:
    """As `at`, on every connection that is opened in the block: those of a pump."""

    wrapper, met = before_statement(words, moment), []

    def opened(connection: Any, **_kwargs: Any) -> None:
        connection.execute_wrappers.append(wrapper)
        met.append(connection)

    connection_created.connect(opened)
    try:
        yield
    finally:
        connection_created.disconnect(opened)
        for connection in met:  # The test's own among them, which lives on.
            connection.execute_wrappers.remove(wrapper)


@dataclass
class ResultHost:
    """Where the vendor keeps its pictures: answers as it is told, and lets a test look at that moment."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    look: Callable[[], object] = lambda: None
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def result_host() -> Iterator[ResultHost]:
    host = ResultHost()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            host.look()
            connections.close_all()  # Who looks may ask the database, here from a thread that ends.
            status, headers, body = host.answer
            if not status:  # Hangs up.
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """It is the vendor's log."""

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
    """JSON as a caller reads it."""
    return json.dumps(value, ensure_ascii=False, default=repr)
