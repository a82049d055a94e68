"""Check the order of the apps of a django-oscar shop."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name for it


def check_order_of_apps(**_kwargs: Any) -> list[CheckMessage]:
    """W070: Oscar's templates are found before those of this app, which extend them."""
    labels = list(apps.app_configs)
    if "oscar" not in labels or labels.index("vton_oscar") < labels.index("oscar"):
        return []
    text = (
        "Oscar's apps precede 'django_vton.contrib.oscar', so no page has a try-on button, unless a template "
        "of your own adds it."
    )
    move = "Move 'django_vton.contrib.oscar' in INSTALLED_APPS before 'oscar.config.Shop'."
    return [Warning(text, hint=move, id="vton.W070")]
