"""What a health check finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What one health check has found: a problem with its `cause`, or nothing wrong."""

    check: str
    """The name of the health check, as `vton_doctor` prints it."""
    text: str = ""
    """What was found if nothing is wrong, in English."""
    cause: str = ""
    """What is wrong, for `notice`, and the name of the incident; "" if nothing is wrong."""
    since: datetime | None = None
    until: datetime | None = None
    """When it ends by itself, if that is known."""
    is_warning: bool = False
    """Whether everything still works."""
    is_incident: bool = True
    """Whether staff are told by mail."""
    refusal: str = ""
    """The code with which orders are refused, or ""."""
    engine: str = ""
    """The engine that has the problem; "" if all have."""
