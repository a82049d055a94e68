"""Who of the staff looked at which shopper's picture: recorded before a byte of it leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from ..conf import config
from ..models import PersonPhoto, PhotoAccess, TryOnImage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

KEPT = timedelta(days=365)
"""Complaints come long after the picture is gone; but what staff did is personal data as well."""


def record(actor: Any, seen: PersonPhoto | TryOnImage) -> None:
    """Write down that they looked, before anything is shown: if this raises, nothing is."""
    PhotoAccess.objects.get_or_create(
        actor=actor,
        kind=PhotoAccess.Kind.PHOTO if isinstance(seen, PersonPhoto) else PhotoAccess.Kind.RESULT,
        object_id=seen.pk,
        day=timezone.localdate(timezone=config.time_zone),
        defaults={"actor_name": actor.get_username()[:254]},
    )


def at(pictures: Iterable[UUID]) -> list[dict[str, str]]:
    """`{"kind", "id", "at"}` of each look at one of these, the oldest first. Who it was stays inside."""
    rows = PhotoAccess.objects.filter(object_id__in=list(pictures)).order_by("at")
    return [{"kind": row.kind, "id": str(row.object_id), "at": row.at.isoformat()} for row in rows]


def purge(now: datetime) -> int:
    """Delete what was kept for long enough; how many."""
    return PhotoAccess.objects.filter(at__lt=now - KEPT).delete()[0]
