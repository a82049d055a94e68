"""Fixtures for incidents: the staff's address, and the end of the mail threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_vton import signals

from .incidents import STAFF, wait_for_mails

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..conftest import Vton


@pytest.fixture(autouse=True)
def _staff(transactional_db: None, vton: Vton) -> Iterator[None]:  # noqa: ARG001 - a mail's thread has its own connection
    vton(NOTIFY=[STAFF])
    yield
    wait_for_mails()


@pytest.fixture
def budget_signals() -> Iterator[list[dict[str, Any]]]:
    """What a receiver of `budget_near` was sent."""
    sent: list[dict[str, Any]] = []

    def receiver(**arguments: Any) -> None:
        sent.append({name: arguments[name] for name in ("kind", "starts_on", "used", "cap")})

    signals.budget_near.connect(receiver)
    yield sent
    signals.budget_near.disconnect(receiver)
