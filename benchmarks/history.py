"""Rows of a shop after years: fixed sample rows, surrounded by a history of any length.

The sample rows are always the same: a shopper with 50 try-ons, rows that are due, rows that have expired, and
5,000 try-ons of the last 95 days. The history is older than all periods of the admin, with one try-on every
77 s. Half of it is erased, as retention does; the other half is kept with its shoppers, as in a shop that
keeps results for years. The database creates it with the column expressions of `tests.admin.large_table`.
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
from tests.admin.large_table import ATTEMPT_COLUMNS, TRYON_COLUMNS
from tests.tryons import make_product, product_ref

from . import bulk_insert

DAY_SECONDS = 86_400
RECENT, RECENT_DAYS = 5_000, 95
OF_SHOPPER = 50
DUE = 40
EXPIRED = 20

USER = {
    "id": "1000000 + n",
    "username": "'old ' || n",
    **dict.fromkeys(("password", "first_name", "last_name", "email"), "''"),
    **dict.fromkeys(("is_superuser", "is_staff"), "{false}"),
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
"""Half are users, half are guests who still have results."""

KEPT_TRYON = {
    "cache_key": "{hash}",
    "expires_at": "{kept_until}",
    "erased_at": "NULL",
    "state": "CASE WHEN n % 100 = 0 THEN 'canceled' WHEN n % 20 = 0 THEN 'failed' ELSE 'completed' END",
    "error_code": "CASE WHEN n % 20 = 0 AND n % 100 <> 0 THEN 'vendor' ELSE '' END",
}
HISTORY = {
    **TRYON_COLUMNS,
    **KEPT_TRYON,
    "shopper_id": "CASE WHEN n % 2 = 0 THEN NULL ELSE 1000000 + n / 100 END",
    "photo_id": "CASE WHEN n % 10 = 1 THEN {photo} ELSE NULL END",
    "cache_key": "CASE WHEN n % 2 = 0 THEN '' ELSE {hash} END",
    "expires_at": "CASE WHEN n % 2 = 0 THEN {erased_at} ELSE {kept_until} END",
    "erased_at": "CASE WHEN n % 2 = 0 THEN {erased_at} ELSE NULL END",
    "product_image_id": "{product_image}",
}
RECENT_TRYONS = {**TRYON_COLUMNS, **KEPT_TRYON, "shopper_id": "900000 + n / 50", "photo_id": "NULL"}


def create_rows(history: int) -> SampleRows:
    """Create the sample rows and `history` old try-ons, and update the planner's statistics."""
    rows = _create_sample_rows()
    with bulk_insert.without_indexes():
        _create_history(rows, history)
    days = [today() - timedelta(days=n) for n in range(1, 1200)]
    BudgetPeriod.objects.bulk_create(BudgetPeriod(kind="day", starts_on=day, spent=75_000) for day in days)
    with connection.cursor() as cursor:
        # As autovacuum does. SQLite has no equivalent.
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
    return rows


def _create_history(rows: SampleRows, history: int) -> None:
    old = {"every": "77", "after": str(100 * DAY_SECONDS), "salt": "old"}
    new = {"every": str(RECENT_DAYS * DAY_SECONDS / RECENT), "after": "3600", "salt": "new"}
    shoppers = history // 100
    bulk_insert.insert(User, USER, shoppers, **old)
    bulk_insert.insert(Shopper, SHOPPER, shoppers, **old)
    bulk_insert.insert(
        Shopper,
        SHOPPER | {"id": "900000 + n", "user_id": "NULL", "token_hash": "{hash}"},
        RECENT // 50,
        **new,
    )
    keys = {"photo": f"'{bulk_insert.sql_uuid(rows.house_model)}'", "product_image": str(rows.product_image)}
    for columns, number, expressions in ((HISTORY, history, old), (RECENT_TRYONS, RECENT, new)):
        bulk_insert.insert(TryOnRequest, columns, number, **expressions, **keys)
        bulk_insert.insert(
            Attempt,
            ATTEMPT_COLUMNS | {"token_hash": "{hash}", "vendor_id": "'fashn-{salt}-' || n"},
            number,
            **expressions,
        )


@dataclass
class SampleRows:
    """What the operations use."""

    session: str
    tryon: str
    token: str
    vendor_id: str
    held: int
    house_model: uuid.UUID
    product_image: int
    admin: int
    product: str


def _create_sample_rows() -> SampleRows:
    now = timezone.now()
    admin = User.objects.create_superuser("admin")
    shirt = make_product("shirt", Kind.TOP)
    house_model = _photo(kind=PersonPhoto.Kind.HOUSE, name="Noa")
    product_image = ProductImage.objects.create(
        source_digest="years", product="shop.product:42", file="vton/products/00/p.jpg"
    )
    shopper = Shopper.objects.create(token_hash=hash_token("years"))
    session = SessionStore()
    session[SESSION_KEY] = "years"
    session.create()
    minutes_ago = [now - timedelta(minutes=n) for n in range(DUE)]
    common = {"photo": house_model, "product_image": product_image, "expires_at": now + timedelta(days=20)}
    submitted = {**common, "state": State.SUBMITTED, "started_at": now}
    of_shopper = [
        _tryon(shopper=shopper, created_at=now - timedelta(hours=n), **_completed(now), **common)
        for n in range(OF_SHOPPER)
    ]
    due = [_tryon(state=State.QUEUED, due_at=at, **common) for at in minutes_ago]
    # Half of them have received a callback.
    sent = [
        _tryon(due_at=at, called_back_at=at if n % 2 else None, **submitted)
        for n, at in enumerate(minutes_ago)
    ]
    later = [_tryon(due_at=now + timedelta(days=1), **submitted) for _ in range(DUE)]
    expired = [_tryon(shopper=shopper, **_completed(now), expires_at=at) for at in minutes_ago[:EXPIRED]]
    rows = [*of_shopper, *due, *sent, *later, *expired]
    TryOnRequest.objects.bulk_create(rows)
    Attempt.objects.bulk_create(_attempt(row) for row in rows)
    TryOnImage.objects.bulk_create(_image(row) for row in (*of_shopper, *expired))
    for _ in range(EXPIRED):
        _photo(shopper=shopper, expires_at=now - timedelta(hours=1))
        Shopper.objects.create(token_hash=uuid.uuid4().hex, seen_at=now - timedelta(days=90))
    held = Attempt.objects.get(request=later[0])
    return SampleRows(
        session=str(session.session_key),
        tryon=str(of_shopper[20].pk),
        token=f"token {sent[0].pk}",
        vendor_id=f"id {of_shopper[5].pk}",
        held=held.pk,
        house_model=house_model.pk,
        product_image=product_image.pk,
        admin=admin.pk,
        product=product_ref(shirt),
    )


def _tryon(**fields: object) -> TryOnRequest:
    product = dict.fromkeys(("product", "main_product"), "shop.product:42")
    return TryOnRequest(engine="fashn-v1.6", product_title="Linen shirt", **product, **fields)


def _completed(now: object) -> dict[str, object]:
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
