"""Checks of the databases: the shop's routers, and the options that SQLite needs for several processes."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name for it
from django.db import connections, router

from ..utils import database


def check_routers(**_kwargs: Any) -> list[CheckMessage]:
    """E061: the routers write our tables to a database without them. E062: users are in another database."""
    alias = database.alias()
    models = list(apps.get_app_config("vton").get_models())
    found: list[CheckMessage] = []
    others = {router.db_for_write(model) for model in models} - {alias}
    if others or not all(router.allow_migrate_model(alias, model) for model in models):
        text = f"DATABASE_ROUTERS write django-vton's tables to {', '.join(sorted({alias, *others}))}."
        hint = "Let db_for_write() return one alias for the app 'vton', and allow_migrate() True for it."
        found.append(Error(text, hint=hint, id="vton.E061"))
    if (users := router.db_for_write(get_user_model())) != alias:
        text = f"Users are in the database {users}, and django-vton's tables are in {alias}."
        hint = "Route 'vton' and AUTH_USER_MODEL to one database: foreign keys cannot lead to another one."
        found.append(Error(text, hint=hint, id="vton.E062"))
    return found


def check_sqlite(**_kwargs: Any) -> list[CheckMessage]:
    """W060: SQLite without the options that let a web server and workers write at the same time."""
    alias = database.alias()
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
