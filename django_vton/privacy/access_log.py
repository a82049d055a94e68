"""The log of which staff member opened which shopper's photo or result, written before any byte is sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from ..conf import config
from ..models import PersonPhoto, PhotoAccess, TryOnImage

RETENTION = timedelta(days=365)
"""Complaints arrive long after an image is deleted, but the log is personal data of the staff as well."""


def record_access(actor: Any, image: PersonPhoto | TryOnImage) -> None:
    """Record that `actor` opens this image. Call it before sending the image: no record, no image."""
    PhotoAccess.objects.get_or_create(
        actor=actor,
        kind=PhotoAccess.Kind.PHOTO if isinstance(image, PersonPhoto) else PhotoAccess.Kind.RESULT,
        object_id=image.pk,
        day=timezone.localdate(timezone=config.time_zone),
        defaults={"actor_name": actor.get_username()[:254]},
    )


def accesses_to(image_ids: Iterable[UUID]) -> list[dict[str, str]]:
    """Return `{"kind", "id", "at"}` of each access to these images, oldest first, without who it was."""
    rows = PhotoAccess.objects.filter(object_id__in=list(image_ids)).order_by("at")
    return [{"kind": row.kind, "id": str(row.object_id), "at": row.at.isoformat()} for row in rows]


def purge(now: datetime) -> int:
    """Delete entries older than `RETENTION`; return how many."""
    return PhotoAccess.objects.filter(at__lt=now - RETENTION).delete()[0]
