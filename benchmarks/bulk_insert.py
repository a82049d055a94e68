"""Insert many rows with SQL expressions; `n` numbers the rows, starting with the newest."""

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


def sql_uuid(pk: uuid.UUID) -> str:
    """The UUID as this database stores it."""
    return str(pk) if connection.vendor == "postgresql" else pk.hex


BEFORE_INSERT = {
    "sqlite": ("PRAGMA synchronous = OFF", "PRAGMA foreign_keys = OFF", "PRAGMA cache_size = -400000"),
    "postgresql": ("SET session_replication_role = replica", "SET maintenance_work_mem = '256MB'"),
}
AFTER_INSERT = {
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
def without_indexes() -> Iterator[None]:
    """Insert without indexes and foreign keys, which would take minutes, and restore them afterwards."""
    with connection.cursor() as cursor:
        for statement in BEFORE_INSERT[connection.vendor]:
            cursor.execute(statement)
        cursor.execute(INDEXES[connection.vendor])
        indexes = cursor.fetchall()
        for name, _sql in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _name, sql in indexes:
            cursor.execute(sql)
        for statement in AFTER_INSERT[connection.vendor]:
            cursor.execute(statement)


def insert(model: type[Model], columns: dict[str, str], number: int, **expressions: str) -> None:
    """Insert `number` rows.

    `columns` maps each column to an SQL expression; `{name}` in it stands for an expression of `_expressions`
    or of the caller.
    """
    if number <= 0:
        return
    table = model._meta.db_table
    expressions = _expressions(number, **expressions)
    values = ", ".join(_cast_json(value.format(**expressions)) for value in columns.values())
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        select = f"SELECT {values} FROM ({expressions['series']}) AS series"  # noqa: S608 - only constants
        cursor.execute(f'INSERT INTO "{table}" ({names}) {select}')


def _cast_json(value: str) -> str:
    return re.sub(r"'(\{\}|\[\])'", r"'\1'::jsonb", value) if connection.vendor == "postgresql" else value


def _expressions(number: int, *, every: str, after: str, salt: str, **keys: str) -> dict[str, str]:
    """Row `n` is `after + n * every` seconds old; its keys derive from `salt`."""
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
            "series": f"SELECT n FROM generate_series(0, {number - 1}) AS n",  # noqa: S608 - only constants
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
