"""Runs the package's system checks."""

from __future__ import annotations

from django.core.checks import run_checks

WITHOUT_HINT = {"vton.E001", "vton.E010", "vton.E020"}
"""Their messages say what to do."""


def run_vton_checks(*, deploy: bool = False) -> dict[str, str]:
    """Return the texts of this package's messages by id."""
    messages = run_checks(tags=["vton"], include_deployment_checks=deploy)
    assert all(message.hint for message in messages if message.id not in WITHOUT_HINT)
    return {str(message.id): str(message.msg) for message in messages}
