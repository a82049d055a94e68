"""The first contact with the real gateway, step by step: `vton_doctor --live`.

Each step is a function that returns a `Finding`. The first problem ends the run, since it explains what would
fail after it. The free steps send nothing that costs money; `paid_steps` then makes one real try-on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import connections, public_urls, readiness
from .findings import Contact, Finding
from .tryon import STEPS as PAID_STEPS
from .tryon import paid_steps

FREE_STEPS: dict[str, Callable[[Contact], Finding]] = {
    "settings": readiness.check_settings,
    "dns": connections.check_dns,
    "tls": connections.check_tls,
    "latency": connections.check_latency,
    "key": connections.check_key,
    "clock": connections.check_clock,
    "files": public_urls.check_files,
    "webhooks": public_urls.check_webhooks,
    "workers": readiness.check_workers,
    "product": readiness.check_product,
    "budget": readiness.check_budget,
}
"""The steps before the submit, in their order."""

STEPS = (*FREE_STEPS, *PAID_STEPS)
"""The names of all steps, in their order."""


def free_steps(contact: Contact) -> Iterator[Finding]:
    """Yield what each step before the submit has found, until one has found a problem."""
    for step in FREE_STEPS.values():
        finding = step(contact)
        yield finding
        if finding.is_problem:
            return


__all__ = ["FREE_STEPS", "PAID_STEPS", "STEPS", "Contact", "Finding", "free_steps", "paid_steps"]
