from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite's options")

IMMEDIATE = {"transaction_mode": "IMMEDIATE"}
WAL = {"init_command": "PRAGMA synchronous=NORMAL; PRAGMA journal_mode = WAL;"}


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
