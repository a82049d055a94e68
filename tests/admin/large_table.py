"""The try-ons of a year, inserted with SQL within seconds."""

from __future__ import annotations

from django.db import connection

from benchmarks import bulk_insert
from django_vton.models import Attempt, BudgetPeriod, PersonPhoto, Shopper, TryOnRequest

TRYON_COLUMNS = {
    "id": "{uuid}",
    "shopper_id": "CASE WHEN n % 10 = 0 THEN NULL ELSE {shopper} + (n % 1000) END",
    "product": "'shop.product:' || (n % 500)",
    "main_product": "'shop.product:' || (n % 500)",
    "product_title": "'Linen shirt number ' || (n % 500)",
    "product_url": "''",
    "product_digest": "''",
    "engine": "'fashn-v1.6'",
    "options": "'{{}}'",
    "other_engine": "''",
    "other_options": "'{{}}'",
    "other_cache_key": "''",
    "is_on_fallback": "{false}",
    "photo_id": "CASE WHEN n % 10 = 0 THEN {photo} ELSE NULL END",
    "cache_key": "'key ' || n",
    "idempotency_digest": "''",
    "quota_ids": "'[]'",
    "counted_images": "0",
    "unhandled_seconds": "0",
    "address_key": "''",
    "cached": "{false}",
    "feedback": "CASE n % 18 WHEN 1 THEN 'like' WHEN 3 THEN 'dislike' ELSE '' END",
    "feedback_reason": "CASE n % 72 WHEN 3 THEN 'fit' WHEN 21 THEN 'colour' WHEN 39 THEN 'poor_picture'"
    " ELSE '' END",
    "state": "CASE WHEN n % 100 = 0 THEN 'canceled' WHEN n % 20 = 0 THEN 'failed' ELSE 'completed' END",
    "error_code": "CASE WHEN n % 100 = 0 THEN '' WHEN n % 1000 = 20 THEN 'outcome_unknown'"
    " WHEN n % 20 = 0 THEN 'vendor' ELSE '' END",
    "current_attempt_number": "1",
    "claim_count": "0",
    "download_failures": "0",
    "result_urls": "'[]'",
    "keep_transcript": "{false}",
    "traceparent": "''",
    "image_count": "1",
    "created_at": "{at}",
    "started_at": "{at}",
    "finished_at": "{later}",
}
"""SQL expressions for `benchmarks.bulk_insert`, for the newest row first."""

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
    "flaw": "''",
}


def create_year_of_tryons(count: int, photo: PersonPhoto) -> None:
    """Create try-ons of the last 365 days, each with its attempt, and the matching budget periods."""
    Shopper.objects.bulk_create(Shopper(token_hash=f"token {n}") for n in range(1000))
    first = Shopper.objects.order_by("pk").values_list("pk", flat=True)[0]
    expressions = {"shopper": str(first), "photo": f"'{bulk_insert.sql_uuid(photo.pk)}'"}
    for model, columns in ((TryOnRequest, TRYON_COLUMNS), (Attempt, ATTEMPT_COLUMNS)):
        bulk_insert.insert(
            model, columns, count, every=str(365 * 86400 / count), after="0", salt="old", **expressions
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    spent = Attempt.objects.order_by().values_list("budget_day", flat=True).distinct()
    BudgetPeriod.objects.bulk_create(BudgetPeriod(kind="day", starts_on=day, spent=75_000) for day in spent)
