"""What `manage.py check --deploy` says besides: what is right on a desk and wrong in a shop."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name for it

from ..conf import config, problems
from ..monitoring import mail


def check_deploy(**_kwargs: Any) -> list[CheckMessage]:
    """W040: the sandbox makes the pictures. W041: no cap was decided. W042: nobody is told. W043: proxies."""
    if problems(getattr(settings, "VTON", {})):
        return []
    found: list[CheckMessage] = []
    if config.is_sandbox:
        hint = "Leave it out, and set VTON['PIXAZO_API_KEY'] to Pixazo's key."
        sentence = "VTON['PIXAZO_BASE_URL'] leads to the sandbox: shoppers would get drawings."
        found.append(Warning(sentence, hint=hint, id="vton.W040"))
    decided = set(getattr(settings, "VTON", {}))
    if config.DAILY_BUDGET is None and config.MONTHLY_BUDGET is None:
        hint = "Set VTON['DAILY_BUDGET'] or VTON['MONTHLY_BUDGET'], in USD."
        found.append(Warning("Nothing caps what renders may cost.", hint=hint, id="vton.W041"))
    elif not decided & {"DAILY_BUDGET", "MONTHLY_BUDGET"}:
        hint = "Set VTON['DAILY_BUDGET'] or VTON['MONTHLY_BUDGET'] to what you can afford to lose."
        found.append(Warning("Only the default cap holds the cost.", hint=hint, id="vton.W041"))
    if "TRUSTED_PROXIES" not in decided:
        hint = "Set VTON['TRUSTED_PROXIES'] to the number of your proxies, 0 where there are none."
        sentence = "Nobody has said how many proxies stand before Django: IP_QUOTA may count them all as one."
        found.append(Warning(sentence, hint=hint, id="vton.W043"))
    if not mail.recipients():
        hint = "Set VTON['NOTIFY'] to a list of addresses, or MANAGERS: of an empty wallet, of dead workers."
        found.append(Warning("Nobody is told of an incident.", hint=hint, id="vton.W042"))
    return found
