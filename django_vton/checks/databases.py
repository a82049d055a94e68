"""Checks of the databases: SQLite with the options that several processes need."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name for it
from django.db import connections, router

from ..models import TryOnRequest


def check_sqlite(**_kwargs: Any) -> list[CheckMessage]:
    """W060: SQLite without the options that let a web server and workers write at the same time."""
    alias = router.db_for_write(TryOnRequest)
    connection = connections[alias]
    if connection.vendor != "sqlite":
        return []
    options = connection.settings_dict["OPTIONS"]
    missing = []
    if str(options.get("transaction_mode")).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        missing.append('"transaction_mode": "IMMEDIATE"')
    if "journal_mode=wal" not in str(options.get("init_command", "")).lower().replace(" ", ""):
        missing.append('"init_command": "PRAGMA journal_mode=WAL;"')
    if not missing:
        return []
    hint = f'Add {" and ".join(missing)} to DATABASES["{alias}"]["OPTIONS"].'
    text = "With SQLite's defaults, pages fail with 'database is locked' while a worker writes."
    return [Warning(text, hint=hint, id="vton.W060")]
