"""Checks for `manage.py check --deploy`: settings that are fine in development but not in production."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name for it

from ..conf import config
from ..monitoring import mail
from .settings import find_setting_errors


def check_deploy(**_kwargs: Any) -> list[CheckMessage]:
    """W040: sandbox. W041: no budget was chosen. W042: no recipients. W043: TRUSTED_PROXIES is not set."""
    if find_setting_errors():
        return []
    values = getattr(settings, "VTON", {})
    found: list[CheckMessage] = []
    if config.is_sandbox:
        hint = "Remove VTON['PIXAZO_BASE_URL'], and set VTON['PIXAZO_API_KEY'] to Pixazo's key."
        text = "VTON['PIXAZO_BASE_URL'] is the sandbox, so shoppers would get drawings instead of photos."
        found.append(Warning(text, hint=hint, id="vton.W040"))
    if config.DAILY_BUDGET is None and config.MONTHLY_BUDGET is None:
        hint = "Set VTON['DAILY_BUDGET'] or VTON['MONTHLY_BUDGET'], in USD."
        found.append(Warning("The cost of renders has no limit.", hint=hint, id="vton.W041"))
    elif not {"DAILY_BUDGET", "MONTHLY_BUDGET"} & set(values):
        hint = "Set VTON['DAILY_BUDGET'] or VTON['MONTHLY_BUDGET'] to the most that you want to spend."
        found.append(
            Warning("The cost of renders is limited only by the default budget.", hint=hint, id="vton.W041")
        )
    if "TRUSTED_PROXIES" not in values:
        hint = "Set VTON['TRUSTED_PROXIES'] to the number of your proxies, or to 0 if there are none."
        text = "VTON['TRUSTED_PROXIES'] is not set, so behind a proxy all shoppers share one IP_QUOTA."
        found.append(Warning(text, hint=hint, id="vton.W043"))
    if not mail.recipients():
        hint = "Set VTON['NOTIFY'] to a list of e-mail addresses, or set MANAGERS."
        text = "Incidents, such as an empty wallet or a stopped worker, are not mailed to anyone."
        found.append(Warning(text, hint=hint, id="vton.W042"))
    return found
