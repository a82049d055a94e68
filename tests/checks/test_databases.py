from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from .messages import run_vton_checks

if TYPE_CHECKING:
    from pytest_django import Settings

IMMEDIATE = {"transaction_mode": "IMMEDIATE"}
WAL = {"init_command": "PRAGMA synchronous=NORMAL; PRAGMA journal_mode = WAL;"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite's options")
@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, ["transaction_mode", "journal_mode"]),
        (IMMEDIATE, ["journal_mode"]),
        (WAL, ["transaction_mode"]),
        (WAL | {"transaction_mode": "DEFERRED"}, ["transaction_mode"]),
        (WAL | IMMEDIATE, []),
    ],
    ids=str,
)
def test_sqlite_needs_the_options_for_several_writers(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], missing: list[str]
) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    advice = [str(message.hint) for message in run_checks(tags=["vton"]) if message.id == "vton.W060"]
    assert len(advice) == bool(missing)
    assert all(name in advice[0] for name in missing)


class Router:
    """Routes some of the models to `default`, the others to `other`."""

    def __init__(self, *elsewhere: str, migrates: bool = True) -> None:
        self.elsewhere, self.migrates = elsewhere, migrates

    def db_for_write(self, model: Any, **_kwargs: Any) -> str:
        return "other" if {model._meta.app_label, model._meta.label} & set(self.elsewhere) else "default"

    def allow_migrate(self, _db: str, _app_label: str, **_kwargs: Any) -> bool:
        return self.migrates


@pytest.mark.parametrize(
    ("router", "found"),
    [
        (Router(), {}),
        (Router("shop"), {}),
        (Router("vton.Batch"), {"vton.E061": "default, other"}),
        (Router(migrates=False), {"vton.E061": "default"}),
        (Router("auth"), {"vton.E062": "Users are in the database other"}),
    ],
    ids=["one database", "products elsewhere", "two databases", "no tables", "users elsewhere"],
)
def test_our_tables_and_users_are_in_one_database(
    settings: Settings, router: Router, found: dict[str, str]
) -> None:
    settings.DATABASE_ROUTERS = [router]
    problems = {name: text for name, text in run_vton_checks().items() if name.startswith("vton.E06")}
    assert problems.keys() == found.keys()
    for name, text in found.items():
        assert text in problems[name]
