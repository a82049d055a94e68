"""Conflicts with other transactions: a transaction is repeated, and then refused in words."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from django_vton import lifecycle
from django_vton.models import TryOnRequest
from django_vton.utils import database

from ..tryons import create_tryon, error_code, get_start, post_tryon
from ..web.pages.actions import post_order, shows_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from shop.models import Product

    from ..conftest import PhotoMaker
    from ..intake_helpers import StoredFiles

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it holds SQLite's lock"),
]


@pytest.fixture
def stored(guest: Client, shirt: Product, phone_photo: PhotoMaker, files: StoredFiles) -> set[str]:
    """The files after an order. Later orders find its session and its image of the product."""
    create_tryon(guest, shirt, phone_photo())
    return files.names()


@pytest.fixture
def other(stored: set[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:  # noqa: ARG001 - first
    """Another process's connection. Ours does not wait for its lock."""
    monkeypatch.setattr(database, "RETRY_SECONDS", 0.1)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as process:
        yield process
    connection.close()


def test_an_order_is_repeated_after_a_conflict(
    other: sqlite3.Connection, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    changes = ["ROLLBACK", "BEGIN IMMEDIATE"]

    def change_the_lock(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("BEGIN") and changes:
            other.execute(changes.pop())
        return execute(sql, *rest)

    with connection.execute_wrapper(change_the_lock):
        assert post_tryon(guest, shirt, phone_photo(shade=1)).status_code == 202
    assert changes == []
    assert TryOnRequest.objects.count() == 2


def test_an_order_is_refused_if_the_conflict_lasts(
    other: sqlite3.Connection,
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    stored: set[str],
) -> None:
    get_start(guest, shirt)
    other.execute("BEGIN IMMEDIATE")

    response = post_tryon(guest, shirt, phone_photo(shade=1))
    assert error_code(response) == (503, "unavailable")
    assert response["Retry-After"] == "5"
    page = post_order(guest, shirt, phone_photo(shade=1))
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert shows_message(page, "unavailable")
    try_on = TryOnRequest.objects.get()
    response = guest.post(f"/try-on/api/try-ons/{try_on.pk}/cancel/")
    assert error_code(response) == (503, "unavailable")
    page = guest.post(f"/try-on/r/{try_on.pk}/", {"action": "cancel"})
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert shows_message(page, "unavailable")

    assert files.names() == stored


def test_a_transaction_of_the_shop_is_not_repeated(
    other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the shop can repeat it. This one reads first, so it cannot write after another process."""
    monkeypatch.setattr(connection, "transaction_mode", "DEFERRED")
    [try_on] = TryOnRequest.objects.all()
    other.execute("BEGIN IMMEDIATE")
    with (
        CaptureQueriesContext(connection) as queries,
        pytest.raises(OperationalError) as failed,
        transaction.atomic(),
    ):
        lifecycle.cancel(try_on)
    assert database.is_conflict(failed.value)
    assert len([query for query in queries if query["sql"].startswith("UPDATE")]) == 1
