"""A shop's years as rows: a fixed piece of work, and around it a history of any length.

The work is the same in every table: a shopper with 50 try-ons, rows that are due, rows that have had their
time, 5,000 try-ons of the last 95 days. The history is older than any of the admin's periods, one try-on in
77 s. Half of it is erased, as retention leaves it; half is kept, with its shoppers, as where a shop keeps
results for years. It is made by the database itself, as in `tests.admin.million`, whose columns it takes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.utils import timezone

from django_vton.models import (
    Attempt,
    BudgetPeriod,
    PersonPhoto,
    ProductImage,
    Shopper,
    TryOnImage,
    TryOnRequest,
)
from django_vton.models.states import Money, State
from django_vton.shoppers import SESSION_KEY
from django_vton.utils.periods import today
from django_vton.utils.tokens import hash_token
from shop.models import Kind
from tests.admin.million import ATTEMPT, COLUMNS
from tests.doors import make_product, ref

from . import bulk

DAY = 86_400
LATELY, LATELY_DAYS = 5_000, 95
OWN = 50
DUE = 40
OVER = 20

USER = {
    "id": "1000000 + n",
    "username": "'old ' || n",
    "password": "''",
    "first_name": "''",
    "last_name": "''",
    "email": "''",
    "is_superuser": "{false}",
    "is_staff": "{false}",
    "is_active": "{true}",
    "date_joined": "{at}",
}
SHOPPER = {
    "id": "1000000 + n",
    "user_id": "CASE WHEN n % 2 = 0 THEN 1000000 + n ELSE NULL END",
    "token_hash": "CASE WHEN n % 2 = 0 THEN NULL ELSE {hash} END",
    "created_at": "{at}",
    "seen_at": "{at}",
}
"""Users, who stay, and guests who still have results."""

KEPT = {
    "cache_key": "{hash}",
    "expires_at": "{kept_until}",
    "erased_at": "NULL",
    "state": "CASE WHEN n % 100 = 0 THEN 'canceled' WHEN n % 20 = 0 THEN 'failed' ELSE 'completed' END",
    "error_code": "CASE WHEN n % 20 = 0 AND n % 100 <> 0 THEN 'vendor' ELSE '' END",
}
HISTORY = {
    **COLUMNS,
    **KEPT,
    "shopper_id": "CASE WHEN n % 2 = 0 THEN NULL ELSE 1000000 + n / 100 END",
    "photo_id": "CASE WHEN n % 10 = 1 THEN {photo} ELSE NULL END",
    "cache_key": "CASE WHEN n % 2 = 0 THEN '' ELSE {hash} END",
    "expires_at": "CASE WHEN n % 2 = 0 THEN {erased_at} ELSE {kept_until} END",
    "erased_at": "CASE WHEN n % 2 = 0 THEN {erased_at} ELSE NULL END",
    "product_image_id": "{picture}",
}
NEWER = {**COLUMNS, **KEPT, "shopper_id": "900000 + n / 50", "photo_id": "NULL"}


def fill(history: int) -> Work:
    """An empty database with the work, and so much history; the planner's figures as a server has them."""
    work = _work()
    with bulk.quickly():
        _surround(work, history)
    days = [today() - timedelta(days=n) for n in range(1, 1200)]
    BudgetPeriod.objects.bulk_create(BudgetPeriod(kind="day", starts_on=day, spent=75_000) for day in days)
    with connection.cursor() as cursor:
        # Autovacuum does it there; nobody does it for SQLite.
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
    return work


def _surround(work: Work, history: int) -> None:
    old = {"every": "77", "after": str(100 * DAY), "salt": "old"}
    new = {"every": str(LATELY_DAYS * DAY / LATELY), "after": "3600", "salt": "new"}
    shoppers = history // 100
    bulk.insert(User, USER, shoppers, **old)
    bulk.insert(Shopper, SHOPPER, shoppers, **old)
    bulk.insert(
        Shopper,
        SHOPPER | {"id": "900000 + n", "user_id": "NULL", "token_hash": "{hash}"},
        LATELY // 50,
        **new,
    )
    keys = {"photo": f"'{bulk.key(work.house)}'", "picture": str(work.picture)}
    for columns, number, words in ((HISTORY, history, old), (NEWER, LATELY, new)):
        bulk.insert(TryOnRequest, columns, number, **words, **keys)
        bulk.insert(
            Attempt, ATTEMPT | {"token_hash": "{hash}", "vendor_id": "'fashn-{salt}-' || n"}, number, **words
        )


@dataclass
class Work:
    """What is looked for."""

    session: str
    tryon: str
    token: str
    vendor_id: str
    held: int
    house: uuid.UUID
    picture: int
    admin: int
    product: str


def _work() -> Work:
    now = timezone.now()
    admin = User.objects.create_superuser("admin")
    shirt = make_product("shirt", Kind.TOP)
    house = _photo(kind=PersonPhoto.Kind.HOUSE, name="Noa")
    picture = ProductImage.objects.create(
        source_digest="years", product="shop.product:42", file="vton/products/00/p.jpg"
    )
    shopper = Shopper.objects.create(token_hash=hash_token("years"))
    session = SessionStore()
    session[SESSION_KEY] = "years"
    session.create()
    common = {"product_image": picture, "expires_at": now + timedelta(days=20)}
    own = [
        _tryon(shopper=shopper, photo=house, created_at=now - timedelta(hours=n), **_done(now), **common)
        for n in range(OWN)
    ]
    due = [
        _tryon(photo=house, state=State.QUEUED, due_at=now - timedelta(minutes=n), **common)
        for n in range(DUE)
    ]
    sent = [
        _tryon(
            photo=house,
            state=State.SUBMITTED,
            due_at=now - timedelta(minutes=n),
            started_at=now,
            called_back_at=now - timedelta(minutes=n) if n % 2 else None,  # Half of them were called back.
            **common,
        )
        for n in range(DUE)
    ]
    later = [
        _tryon(photo=house, state=State.SUBMITTED, due_at=now + timedelta(days=1), started_at=now, **common)
        for n in range(DUE)
    ]
    over = [_tryon(shopper=shopper, **_done(now), expires_at=now - timedelta(minutes=n)) for n in range(OVER)]
    rows = [*own, *due, *sent, *later, *over]
    TryOnRequest.objects.bulk_create(rows)
    Attempt.objects.bulk_create(_attempt(row) for row in rows)
    TryOnImage.objects.bulk_create(_image(row) for row in (*own, *over))
    for _ in range(OVER):
        _photo(shopper=shopper, expires_at=now - timedelta(hours=1))
        Shopper.objects.create(token_hash=uuid.uuid4().hex, seen_at=now - timedelta(days=90))
    held = Attempt.objects.get(request=later[0])
    return Work(
        session=str(session.session_key),
        tryon=str(own[20].pk),
        token=f"token {sent[0].pk}",
        vendor_id=f"id {own[5].pk}",
        held=held.pk,
        house=house.pk,
        picture=picture.pk,
        admin=admin.pk,
        product=ref(shirt),
    )


def _tryon(**fields: object) -> TryOnRequest:
    product = {
        "product": "shop.product:42",
        "main_product": "shop.product:42",
        "product_title": "Linen shirt",
    }
    return TryOnRequest(engine="fashn-v1.6", **{**product, **fields})


def _done(now: object) -> dict[str, object]:
    return {"state": State.COMPLETED, "image_count": 1, "started_at": now, "finished_at": now}


def _attempt(row: TryOnRequest) -> Attempt:
    is_sent = row.state != State.QUEUED
    return Attempt(
        request=row,
        engine=row.engine,
        amount=75_000,
        budget_day=today(),
        money=Money.SPENT if row.state == State.COMPLETED else Money.HELD,
        posted_at=row.started_at,
        vendor_id=f"id {row.pk}" if is_sent else None,
        token_hash=hash_token(f"token {row.pk}") if is_sent else None,
    )


def _image(row: TryOnRequest) -> TryOnImage:
    name = f"vton/results/00/{row.pk.hex}.jpg"
    return TryOnImage(
        request=row, file=name, thumbnail=name, content_type="image/jpeg", width=864, height=1296
    )


def _photo(**fields: object) -> PersonPhoto:
    name = f"vton/photos/00/{uuid.uuid4().hex}.jpg"
    return PersonPhoto.objects.create(
        file=name, thumbnail=name, digest=uuid.uuid4().hex, width=900, height=1200, **fields
    )
