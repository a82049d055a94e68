"""Many rows made by the database itself, in its own words: `n` counts them, the newest first."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.models import Model

SERIES = "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s"


def key(pk: uuid.UUID) -> str:
    """As the database's own words have it."""
    return str(pk) if connection.vendor == "postgresql" else pk.hex


BEFORE = {
    "sqlite": ("PRAGMA synchronous = OFF", "PRAGMA foreign_keys = OFF", "PRAGMA cache_size = -400000"),
    "postgresql": ("SET session_replication_role = replica", "SET maintenance_work_mem = '256MB'"),
}
AFTER = {
    "sqlite": (
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA cache_size = -2000",
        "PRAGMA foreign_keys = ON",
        "PRAGMA synchronous = FULL",
    ),
    "postgresql": ("RESET session_replication_role", "RESET maintenance_work_mem"),
}
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class"
    " ON pg_class.oid = indrelid WHERE relnamespace = 'public'::regnamespace AND NOT indisunique",
}


@contextmanager
def quickly() -> Iterator[None]:
    """Without indexes and foreign keys, which would take minutes; afterwards, all is as it was."""
    with connection.cursor() as cursor:
        for statement in BEFORE[connection.vendor]:
            cursor.execute(statement)
        cursor.execute(INDEXES[connection.vendor])
        indexes = cursor.fetchall()
        for name, _sql in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _name, sql in indexes:
            cursor.execute(sql)
        for statement in AFTER[connection.vendor]:
            cursor.execute(statement)


def insert(model: type[Model], columns: dict[str, str], number: int, **words: str) -> None:
    """So many rows; the words are those of `_dialect`, and the caller's own."""
    if number <= 0:
        return
    table = model._meta.db_table
    words = _dialect(number, **words)
    values = ", ".join(_typed(value.format(**words)) for value in columns.values())
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {values} FROM ({words["series"]}) AS series')  # noqa: S608 - our own words


def _typed(value: str) -> str:
    return re.sub(r"'(\{\}|\[\])'", r"'\1'::jsonb", value) if connection.vendor == "postgresql" else value


def _dialect(number: int, *, every: str, after: str, salt: str, **keys: str) -> dict[str, str]:
    """A row is `every` seconds older than the one before, the first `after` old; `salt` makes its keys."""
    seconds = f"({after} + n * {every})"
    if connection.vendor == "postgresql":
        now = f"TIMESTAMPTZ '{timezone.now().isoformat()}'"
        at = f"({now} - {seconds} * INTERVAL '1 second')"
        return keys | {
            "salt": salt,
            "uuid": f"CAST(md5('{salt}' || n) AS uuid)",
            "hash": f"(md5('{salt} 1' || n) || md5('{salt} 2' || n))",
            "at": at,
            "later": f"({at} + (5 + n % 30) * INTERVAL '1 second')",
            "erased_at": f"({at} + INTERVAL '30 days')",
            "kept_until": f"({at} + INTERVAL '2000 days')",
            "day": f"CAST({at} AS date)",
            "false": "FALSE",
            "true": "TRUE",
            "photo": keys.get("photo", "") + "::uuid",
            "series": f"SELECT n FROM generate_series(0, {number - 1}) AS n",  # noqa: S608 - our own words
        }
    at = f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || {seconds} || ' seconds')"
    mixed = "printf('%08x', (n * 2654435761) % 4294967296)"
    return keys | {
        "salt": salt,
        "uuid": f"{mixed} || printf('%024x', n + {10**6 if salt == 'old' else 10**9})",
        "hash": f"({mixed} || printf('%056x', n + {10**6 if salt == 'old' else 10**9}))",
        "at": at,
        "later": f"strftime('%Y-%m-%d %H:%M:%f', {at}, '+' || (5 + n % 30) || ' seconds')",
        "erased_at": f"strftime('%Y-%m-%d %H:%M:%f', {at}, '+30 days')",
        "kept_until": f"strftime('%Y-%m-%d %H:%M:%f', {at}, '+2000 days')",
        "day": f"date({at})",
        "false": "0",
        "true": "1",
        "series": SERIES.format(last=number - 1),
    }
