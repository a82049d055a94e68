"""A log that records which staff member opened which photo or result, before the first byte is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import timezone

from ..conf import config
from ..models import PersonPhoto, PhotoAccess, TryOnImage


def record_access(actor: Any, image: PersonPhoto | TryOnImage) -> None:
    """Record, once a day, that `actor` opens this image. Call this before any byte of the image is sent."""
    PhotoAccess.objects.get_or_create(
        actor=actor,
        kind=PhotoAccess.Kind.PHOTO if isinstance(image, PersonPhoto) else PhotoAccess.Kind.RESULT,
        object_id=image.pk,
        day=timezone.localdate(timezone=config.time_zone),
        defaults={"actor_name": actor.get_username()[:254]},
    )


def accesses_to(image_ids: Iterable[UUID]) -> list[dict[str, str]]:
    """Return `{"kind", "id", "at"}` for each access to these images, without staff names, oldest first."""
    rows = PhotoAccess.objects.filter(object_id__in=list(image_ids)).order_by("at")
    return [{"kind": row.kind, "id": str(row.object_id), "at": row.at.isoformat()} for row in rows]
