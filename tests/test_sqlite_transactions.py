"""On SQLite without options, a transaction that reads first does not wait for a lock: its write fails."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from django_vton import conversions
from django_vton.models import Conversion

from .tryons import TRY_ONS, complete_tryon, create_tryon, product_ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from shop.models import Product

    from .conftest import PhotoMaker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite"),
]


def transactions(queries: CaptureQueriesContext) -> list[list[str]]:
    """Return the statements of each transaction, without savepoints."""
    found: list[list[str]] = []
    is_open = False
    for query in queries:
        word = query["sql"].split(maxsplit=1)[0]
        if word == "BEGIN":
            found.append([])
        elif is_open and word not in {"SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT"}:
            found[-1].append(query["sql"])
        is_open = (is_open or word == "BEGIN") and word not in {"COMMIT", "ROLLBACK"}
    return found


@contextmanager
def writing_first(app: str = "vton_") -> Iterator[None]:
    """Check that each transaction on our tables begins with a write, or writes nothing."""
    with CaptureQueriesContext(connection) as queries:
        yield
    ours = [statements for statements in transactions(queries) if any(app in sql for sql in statements)]
    assert ours, "there was no transaction"
    late = [
        statements[0]
        for statements in ours
        if statements[0].startswith("SELECT") and any(not sql.startswith("SELECT") for sql in statements)
    ]
    assert late == []


def test_requests_of_a_shopper_write_first(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    for shade in (1, 2):  # A new guest, and one whose row exists.
        with writing_first():
            tryon = create_tryon(guest, shirt, phone_photo(shade=shade), keep_photo="true")
    with writing_first():
        assert guest.post(f"{TRY_ONS}{tryon.pk}/cancel/").status_code == 200
    done = complete_tryon(create_tryon(guest, shirt, phone_photo(shade=3)))
    feedback = json.dumps({"value": "like"})
    guest.put(f"{TRY_ONS}{done.pk}/feedback/", feedback, content_type="application/json")
    with writing_first():
        assert guest.delete(f"{TRY_ONS}{done.pk}/").status_code == 204
    with writing_first():
        assert guest.delete("/try-on/api/consent/").status_code == 204
    with writing_first():
        assert guest.delete("/try-on/api/me/").status_code == 204


def test_a_login_writes_first(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    create_tryon(guest, shirt, phone_photo())
    user = User.objects.create_user("ada")
    for _first_and_second_time in range(2):
        with writing_first():
            guest.force_login(user)
        guest.logout()
        create_tryon(guest, shirt, phone_photo(shade=4))


def test_a_conversion_needs_no_transaction_to_read(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    complete_tryon(create_tryon(guest, shirt, phone_photo()))
    request: Any = RequestFactory().post("/cart/")
    request.user, request.session = AnonymousUser(), guest.session

    with writing_first():
        conversions.added(request, shirt, reference="line-1")
    with writing_first():
        conversions.purchased(reference="line-1", order="2026-1")

    assert Conversion.objects.filter(product=product_ref(shirt)).count() == 2
