"""Compare the database before and after a refused request."""

from __future__ import annotations

from typing import Any

from django_vton.models import (
    Attempt,
    BudgetPeriod,
    Consent,
    PersonPhoto,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnRequest,
)

MODELS = (Shopper, Consent, PersonPhoto, TryOnRequest, TryOnEvent, Attempt, Quota, BudgetPeriod)


def database_rows() -> dict[str, list[Any]]:
    """All rows of the tables that a request writes, by model name."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in MODELS}
