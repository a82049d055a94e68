from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils.translation import gettext_lazy

from django_vton.conf import Config, Rate, config, find_errors


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PIXAZO_KEY", "x", "did you mean 'PIXAZO_API_KEY'?"),
        ("quota", "1/day", "did you mean 'QUOTA'?"),
        ("COLOUR", "red", "is not a setting"),
        ("ENABLED", "yes", "must be bool, not str"),
        ("ENABLED", 1, "must be bool, not int"),
        ("REVIEW_BY_TWO", 2, "must be bool, not int"),
        ("IN_FLIGHT", True, "must be int, not bool"),
        ("IN_FLIGHT", "3", "must be int, not str"),
        ("IN_FLIGHT", 0, "must be 1 or more"),
        ("IN_FLIGHT", None, "must be int, not NoneType"),
        ("TRUSTED_PROXIES", -1, "must be 0 or more"),
        ("DISPATCHERS", 1.0, "must be int, not float"),
        ("DAILY_BUDGET", 5.0, "must be Decimal or None, not float"),
        ("DAILY_BUDGET", "5", "must be Decimal or None, not str"),
        ("DAILY_BUDGET", 5, "must be Decimal or None, not int"),
        ("DAILY_BUDGET", Decimal(-1), "0 or more"),
        ("MONTHLY_BUDGET", Decimal("NaN"), "finite"),
        ("MONTHLY_BUDGET", Decimal("Infinity"), "finite"),
        ("MONTHLY_BUDGET", Decimal("1e30"), "finite"),
        ("PRICES", {"glass-v1": 0.3}, "Decimal"),
        ("PRICES", {"glass-v1": Decimal("NaN")}, "Decimal"),
        ("PRICES", None, "must be dict, not NoneType"),
        ("QUOTA", "10", "10/day"),
        ("QUOTA", "", "10/day"),
        ("QUOTA", "ten/day", "10/day"),
        ("QUOTA", "10/week", "10/day"),
        ("QUOTA", "²/day", "10/day"),
        ("QUOTA", "10000000000/day", "10/day"),
        ("IP_QUOTA", "-1/day", "10/day"),
        ("PIXAZO_API_KEY", "key\n", "visible ASCII"),
        ("PIXAZO_API_KEY", "ключ", "visible ASCII"),
        ("PIXAZO_API_KEY", b"key", "must be str, not bytes"),
        ("PIXAZO_BASE_URL", "", "http(s) URL"),
        ("PIXAZO_BASE_URL", None, "must be str, not NoneType"),
        ("PUBLIC_BASE_URL", "shop.example", "http(s) URL"),
        ("PUBLIC_BASE_URL", "ftp://shop.example", "http(s) URL"),
        ("PUBLIC_BASE_URL", "https://[::1", "http(s) URL"),
        ("PUBLIC_BASE_URL", "https://shop.example:99999", "http(s) URL"),
        ("PUBLIC_BASE_URL", "https://shop.example/?a=1", "http(s) URL"),
        ("BUDGET_TIME_ZONE", "Mars/Base", "time zone"),
        ("STORAGE", "nowhere", "alias in STORAGES"),
        ("PHOTO_RETENTION", 24, "must be timedelta, not int"),
        ("PHOTO_RETENTION", timedelta(0), "longer than zero"),
        ("RESULT_RETENTION", timedelta.max, "ten years at most"),
        ("CONSENT_VERSION", "", "1 to 50"),
        ("CONSENT_VERSION", "x" * 51, "1 to 50"),
        ("CONSENT_VERSION", 2, "must be str, not int"),
        ("CONSENT_TEXT", "", "must not be empty"),
        ("CONSENT_TEXT", 42, "must be str or lazy text, not int"),
        ("RESULT_HOSTS", "cdn.example", "must be list or None, not str"),
        ("RESULT_HOSTS", ["https://cdn.example"], "host names"),
        ("RESULT_HOSTS", [1], "host names"),
        ("NOTIFY", ["nobody"], "e-mail"),
        ("ENGINES", [], "must be dict, not list"),
    ],
)
def test_an_error_names_the_setting_and_what_it_must_be(name: str, value: Any, expected: str) -> None:
    (error,) = find_errors({name: value})
    assert error.startswith(f"VTON['{name}'] ")
    assert expected in error
    with override_settings(VTON={name: value}), pytest.raises(ImproperlyConfigured, match="VTON"):
        _ = config.ENABLED


@pytest.mark.parametrize("value", [None, [], "VTON", 3])
def test_vton_must_be_a_dict(value: Any) -> None:
    assert find_errors(value) == [f"VTON must be a dict, not {type(value).__name__}"]


def test_all_errors_are_found_at_once() -> None:
    assert len(find_errors({"QUOTA": 1, "NOPE": 2, "DISPATCHERS": 0})) == 3


def test_valid_values_have_no_errors() -> None:
    assert not find_errors({})
    assert not find_errors({name: getattr(Config(), name) for name in Config.__annotations__})
    valid: dict[str, Any] = {
        "DAILY_BUDGET": Decimal(0),
        "QUOTA": None,
        "IP_QUOTA": "3/minute",
        "RESULT_HOSTS": ("cdn.example",),
        "PUBLIC_BASE_URL": "",
        "STORAGE": None,
        "BUDGET_TIME_ZONE": "Asia/Kolkata",
        "CONSENT_TEXT": gettext_lazy("Yes"),
        "NOTIFY": ["boss@shop.example"],
    }
    assert not find_errors(valid)


@pytest.mark.parametrize("name", ["PIXAZO_API_KEY", "PUBLIC_BASE_URL", "PRIVACY_URL"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_environment_variable_is_an_unset_setting(name: str, value: str | None) -> None:
    with override_settings(VTON={name: value}):
        assert not find_errors({name: value})
        assert getattr(config, name) == ""
        assert not config.is_configured


def test_settings_are_read_at_the_time_of_use() -> None:
    with override_settings(VTON={}):
        assert config.quota == Rate(10, "day")
        assert config.DAILY_BUDGET == 25
        assert not config.is_configured
    with override_settings(VTON={"QUOTA": "2/hour"}, TIME_ZONE="Asia/Tokyo"):
        assert config.quota == Rate(2, "hour")
        assert config.time_zone == ZoneInfo("Asia/Tokyo")
    with override_settings(VTON={"QUOTA": None, "BUDGET_TIME_ZONE": "Asia/Kolkata"}):
        assert config.quota is None
        assert config.time_zone == ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8765", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("https://gateway.pixazo.ai", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_a_loopback_gateway_is_the_sandbox(url: str, *, expected: bool) -> None:
    with override_settings(VTON={"PIXAZO_BASE_URL": url}):
        assert config.is_sandbox is expected


def test_the_api_key_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Config(PIXAZO_API_KEY="secret"))
