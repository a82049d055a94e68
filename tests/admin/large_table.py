"""A shop's year as rows, made by the database itself: so many try-ons in some seconds, photos apart."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from django_vton.models import Attempt, BudgetPeriod, HouseModel, PersonPhoto, Shopper, TryOnRequest

TRYON_COLUMNS = {
    "id": "{uuid}",
    "shopper_id": "CASE WHEN n % 10 = 0 THEN NULL ELSE {shopper} + (n % 1000) END",
    "product": "'shop.product:' || (n % 500)",
    "main_product": "'shop.product:' || (n % 500)",
    "product_title": "'Linen shirt number ' || (n % 500)",
    "product_url": "''",
    "engine": "'fashn-v1.6'",
    "options": "'{{}}'",
    "photo_id": "CASE WHEN n % 10 = 0 THEN {photo} ELSE NULL END",
    "cache_key": "'key ' || n",
    "idempotency_digest": "''",
    "quota_ids": "'[]'",
    "counted_images": "0",
    "address_key": "''",
    "cached": "{false}",
    "feedback": "CASE n % 18 WHEN 1 THEN 'like' WHEN 3 THEN 'dislike' ELSE '' END",
    "feedback_reason": "CASE n % 72 WHEN 3 THEN 'fit' WHEN 21 THEN 'colour' WHEN 39 THEN 'poor_picture'"
    " ELSE '' END",
    "state": "CASE WHEN n % 100 = 0 THEN 'canceled' WHEN n % 20 = 0 THEN 'failed' ELSE 'completed' END",
    "error_code": "CASE WHEN n % 100 = 0 THEN '' WHEN n % 1000 = 20 THEN 'outcome_unknown'"
    " WHEN n % 20 = 0 THEN 'vendor' ELSE '' END",
    "last_attempt_number": "1",
    "claim_count": "0",
    "download_failures": "0",
    "result_urls": "'[]'",
    "image_count": "1",
    "created_at": "{at}",
    "started_at": "{at}",
    "finished_at": "{later}",
}
"""Newest first: n seconds * 365 days / how many, back from now."""

ATTEMPT_COLUMNS = {
    "request_id": "{uuid}",
    "number": "1",
    "engine": "'fashn-v1.6'",
    "vendor_id": "'fashn-' || n",
    "amount": "75000",
    "budget_day": "{day}",
    "money": "'spent'",
    "created_at": "{at}",
    "posted_at": "{at}",
    "answered_at": "CASE WHEN n % 1000 = 20 THEN NULL ELSE {later} END",
    "outcome": "'accepted'",
    "error": "''",
    "raw": "'{{}}'",
}


_SERIES = "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s"


def _dialect(count: int) -> dict[str, str]:
    seconds = f"(n * {365 * 86400 / count})"
    if connection.vendor == "postgresql":
        now = f"TIMESTAMPTZ '{timezone.now().isoformat()}'"
        at = f"({now} - {seconds} * INTERVAL '1 second')"
        # Far apart, as random ones are.
        return {
            "uuid": "CAST(md5('try-on ' || n) AS uuid)",
            "at": at,
            "later": f"({at} + (5 + n % 30) * INTERVAL '1 second')",
            "day": f"CAST({at} AS date)",
            "false": "FALSE",
            "series": f"SELECT n FROM generate_series(0, {count - 1}) AS n",  # noqa: S608 - a test's
        }
    at = f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || {seconds} || ' seconds')"
    return {
        "uuid": f"printf('%08x', (n * 2654435761) % 4294967296) || printf('%024x', n + {10**6})",
        "at": at,
        "later": f"strftime('%Y-%m-%d %H:%M:%f', {at}, '+' || (5 + n % 30) || ' seconds')",
        "day": f"date({at})",
        "false": "0",
        "series": _SERIES.format(last=count - 1),
    }


def create_year_of_tryons(count: int, photo: PersonPhoto) -> None:
    """`count` try-ons of the last 365 days, each with its attempt, and the budget that fits."""
    Shopper.objects.bulk_create(Shopper(token_hash=f"token {n}") for n in range(1000))
    first = Shopper.objects.order_by("pk").values_list("pk", flat=True)[0]
    house = HouseModel.objects.get(pk=photo.pk)
    key = f"'{house.pk}'" if connection.vendor == "postgresql" else f"'{house.pk.hex}'"
    words = {**_dialect(count), "shopper": str(first), "photo": key}
    if connection.vendor == "postgresql":
        words["photo"] += "::uuid"
    with connection.cursor() as cursor:
        for model, columns in ((TryOnRequest, TRYON_COLUMNS), (Attempt, ATTEMPT_COLUMNS)):
            values = ", ".join(value.format(**words) for value in columns.values())
            values = values.replace("'{}'", "'{}'::jsonb" if connection.vendor == "postgresql" else "'{}'")
            values = values.replace("'[]'", "'[]'::jsonb" if connection.vendor == "postgresql" else "'[]'")
            table, names = model._meta.db_table, ", ".join(f'"{name}"' for name in columns)
            statement = f'INSERT INTO "{table}" ({names}) SELECT {values} FROM ({words["series"]}) AS series'  # noqa: S608 - a test's
            cursor.execute(statement)
        cursor.execute("ANALYZE")
    spent = Attempt.objects.order_by().values_list("budget_day", flat=True).distinct()
    BudgetPeriod.objects.bulk_create(BudgetPeriod(kind="day", starts_on=day, spent=75_000) for day in spent)
