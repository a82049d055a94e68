from __future__ import annotations

import io
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from ..live_shop import MANAGE
from .messages import run_vton_checks

ROOT = Path(__file__).resolve().parents[2]

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.conftest import Vton


def test_the_example_shop_has_no_messages() -> None:
    assert run_vton_checks() == {}


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"QUOTA": "lots"}, "E001", "VTON['QUOTA']"),
        ({"ENQUEUE": "no.such.thing"}, "E002", "VTON['ENQUEUE']"),
        ({"MODERATE": "django_vton.conf.MICROS"}, "E002", "VTON['MODERATE']"),
        ({"CAPTCHA": "nodots"}, "E002", "VTON['CAPTCHA']"),
        ({"MARK": "shop.no_such_module.draw"}, "E002", "VTON['MARK']"),
        ({"MARK": "middle"}, "E001", "VTON['MARK'] must be \"corner\""),
        ({"MARK": len}, "E001", "VTON['MARK'] must be str or None"),
        ({"C2PA_KEY": "key.pem"}, "E011", "one of them is not set"),
        ({"C2PA_CERTIFICATE": "no.pem", "C2PA_KEY": "no.pem"}, "E011", "cannot sign an image: "),
        ({"MARK_TEXT": ""}, "E001", "VTON['MARK_TEXT'] must not be empty"),
        ({"ENGINES": {"glass-v1": "no.such.Engine"}}, "E003", "VTON['ENGINES']['glass-v1']"),
        ({"ENGINES": {"glass-v1": {"submit_path": "no slash"}}}, "E003", "slash"),
        ({"ENGINES": {"other": {"submit_path": "/x"}}}, "E003", "only a known engine"),
        ({"ENGINES": {"glass-v1": {"color": "/x"}}}, "E003", "color"),
        ({"ENGINES": {"other": "django_vton.pixazo.Engine"}}, "E003", "other"),
        ({"ENGINES": {"glass-v1": 42}}, "E003", "not an Engine"),
        ({"ENGINES": {"idm-vton": {}, "kling": {}}}, "E003", "VTON['PRICES'] must contain 'kling'"),
        ({"PRICES": {"glass": Decimal(1)}}, "E004", "glass"),
        ({"PIXAZO_BASE_URL": "http://gateway.pixazo.ai"}, "E005", "PIXAZO_BASE_URL"),
        ({"NOTIFY_URL": "ftp://hooks.example/x"}, "E001", "NOTIFY_URL"),
        ({"NOTIFY_SECRET": "short"}, "E001", "NOTIFY_SECRET"),
        ({"METRICS_TOKEN": "short"}, "E001", "METRICS_TOKEN"),
        (
            {
                "PIXAZO_BASE_URL": "https://gateway.pixazo.ai",
                "NOTIFY_URL": "http://hooks.example/x",
                "NOTIFY_SECRET": "s" * 32,
            },
            "E008",
            "NOTIFY_URL",
        ),
        ({"NOTIFY_URL": "https://hooks.example/x?sig=1"}, "E009", "NOTIFY_SECRET"),
        ({"PIXAZO_API_KEY": ""}, "W001", "PIXAZO_API_KEY"),
        ({"PIXAZO_API_KEY": None}, "W001", "PIXAZO_API_KEY"),
        ({"PUBLIC_BASE_URL": None}, "W001", "PUBLIC_BASE_URL"),
        ({"PUBLIC_BASE_URL": ""}, "W001", "PUBLIC_BASE_URL"),
        (
            {"PIXAZO_BASE_URL": "https://gateway.pixazo.ai", "PUBLIC_BASE_URL": "http://shop.example"},
            "W002",
            "PUBLIC_BASE_URL",
        ),
    ],
)
def test_a_wrong_setting_is_reported(vton: Vton, changes: dict[str, Any], code: str, text: str) -> None:
    vton(**changes)
    messages = run_vton_checks()
    assert text in messages.pop(f"vton.{code}")
    assert set(messages) <= {"vton.W002"}


def test_a_question_ends_without_a_full_stop(vton: Vton) -> None:
    vton(QOUTA="5/day")
    assert (
        run_vton_checks()["vton.E001"]
        == "VTON['QOUTA'] is not a setting of django-vton; did you mean 'QUOTA'?"
    )


def test_use_tz_is_required(settings: Settings) -> None:
    settings.USE_TZ = False
    assert set(run_vton_checks()) == {"vton.E006"}


def test_a_project_without_use_tz_is_told_so_and_nothing_crashes_before(tmp_path: Path) -> None:
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.checks.settings_use_tz_false",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "example_project")]),
    }

    def django(*args: str) -> str:
        command = [sys.executable, "-m", "django", *args]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    for command in ("check", "migrate"):
        assert "(vton.E006) django-vton needs USE_TZ" in django(command)
    django("migrate", "--skip-checks", "--verbosity", "0")
    assert django("vton_doctor").splitlines() == [
        "FAILED settings: django-vton needs USE_TZ. Set USE_TZ = True."
    ]


def test_the_check_command_warns_of_an_unverified_engine(vton: Vton) -> None:
    vton(ENGINES={"idm-vton": {}, "kling": {}}, PRICES={"kling": Decimal("0.07")})
    out = io.StringIO()
    call_command("check", stderr=out)
    for name in ("idm-vton", "kling"):
        assert f"(vton.W005) The engine '{name}' is unverified." in out.getvalue()
        assert f"manage.py vton_doctor --live {name} --spend" in out.getvalue()
    assert "clothing-vton" not in out.getvalue()


def test_the_check_command_asks_for_a_price_that_is_not_public(vton: Vton) -> None:
    vton(ENGINES={"clothing-vton": {}})
    with pytest.raises(SystemCheckError) as error:
        call_command("check")
    assert "(vton.E003) VTON['PRICES'] must contain 'clothing-vton'" in str(error.value)


@pytest.mark.parametrize("key", ["VTON_QUOTA", "VTON_DAILY_BUDGET"])
def test_the_check_command_reports_wrong_settings_without_a_traceback(key: str) -> None:
    done = subprocess.run(
        [sys.executable, str(MANAGE), "check"],
        env=os.environ | {key: "-7", "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"(vton.E001) VTON['{key.removeprefix('VTON_')}']" in done.stderr
    assert "Traceback" not in done.stderr


def test_deploy_checks_report_settings_for_development(vton: Vton, settings: Settings) -> None:
    settings.MANAGERS = []
    vton(DAILY_BUDGET=None, MONTHLY_BUDGET=None, NOTIFY=[])
    assert run_vton_checks() == {}
    assert set(run_vton_checks(deploy=True)) == {"vton.W040", "vton.W041", "vton.W042"}
    live = {"PIXAZO_BASE_URL": "https://gateway.pixazo.ai", "PUBLIC_BASE_URL": "https://shop.example"}
    vton(**live, MONTHLY_BUDGET=Decimal(900), NOTIFY=["staff@shop.example"])
    assert run_vton_checks(deploy=True) == {}
