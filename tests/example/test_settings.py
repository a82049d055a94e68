"""The settings read the environment when they are imported, so each test runs the file again."""

import runpy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live

NAMES = [
    *(
        f"VTON_{name}"
        for name in ("PIXAZO_API_KEY", "PIXAZO_BASE_URL", "PUBLIC_BASE_URL", "WEBHOOKS", "QUOTA")
    ),
    *(f"VTON_{name}" for name in ("DAILY_BUDGET", "IP_QUOTA", "IN_FLIGHT", "RESULT_HOSTS")),
    *("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT", "SECRET_KEY", "DEBUG", "QCLUSTER_WORKERS"),
]


def run_settings(monkeypatch: pytest.MonkeyPatch, **env: str) -> dict[str, Any]:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(Path(live.BASE_DIR) / "config" / "settings.py"))


def test_without_variables_it_is_a_demo_on_sqlite_with_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = run_settings(monkeypatch)
    assert settings["DEBUG"] is True
    assert settings["VTON"] == {
        "PIXAZO_API_KEY": "sandbox",
        "PIXAZO_BASE_URL": "http://127.0.0.1:8765",
        "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
        "STORAGE": "vton",
        "DAILY_BUDGET": None,
        "TRUSTED_PROXIES": 0,
    }
    database = settings["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert settings["Q_CLUSTER"]["orm"] == "default"
    assert "redis" not in settings["Q_CLUSTER"]


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = run_settings(
        monkeypatch,
        VTON_PIXAZO_API_KEY="key",
        VTON_PIXAZO_BASE_URL="https://gateway.example",
        VTON_PUBLIC_BASE_URL="https://shop.example",
        VTON_WEBHOOKS="0",
        VTON_DAILY_BUDGET="12.50",
        VTON_QUOTA="3/day",
        VTON_IP_QUOTA="30/day",
        VTON_IN_FLIGHT="2",
        VTON_RESULT_HOSTS="a.example, b.example,",
        DATABASE_URL="postgres://me@db.example/shop",
        REDIS_URL="redis://cache.example:6379/1",
        MEDIA_ROOT=str(tmp_path / "media"),
        SECRET_KEY="secret",
        DEBUG="0",
        QCLUSTER_WORKERS="4",
    )
    assert settings["VTON"] == {
        "PIXAZO_API_KEY": "key",
        "PIXAZO_BASE_URL": "https://gateway.example",
        "PUBLIC_BASE_URL": "https://shop.example",
        "STORAGE": "vton",
        "TRUSTED_PROXIES": 0,
        "WEBHOOKS": False,
        "DAILY_BUDGET": Decimal("12.50"),
        "QUOTA": "3/day",
        "IP_QUOTA": "30/day",
        "IN_FLIGHT": 2,
        "RESULT_HOSTS": ["a.example", "b.example"],
    }
    assert settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert "transaction_mode" not in settings["DATABASES"]["default"].get("OPTIONS", {})
    assert settings["Q_CLUSTER"]["redis"] == "redis://cache.example:6379/1"
    assert "orm" not in settings["Q_CLUSTER"]
    assert settings["Q_CLUSTER"]["workers"] == 4
    assert settings["SECRET_KEY"] == "secret"
    assert settings["DEBUG"] is False
    assert "*" not in settings["ALLOWED_HOSTS"]
    assert "shop.example" in settings["ALLOWED_HOSTS"]


def test_private_images_are_stored_beside_public_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = run_settings(monkeypatch, MEDIA_ROOT=str(tmp_path / "media"))
    private = settings["STORAGES"]["vton"]["OPTIONS"]["location"]
    assert private == tmp_path / "media-private"
    assert not private.is_relative_to(settings["MEDIA_ROOT"])


def test_without_debug_there_is_no_default_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_settings(monkeypatch, DEBUG="0")["SECRET_KEY"] == ""
