"""Select the try-ons whose outcome is unknown."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from ..models import Attempt, TryOnEvent
from ..models.states import State

IS_WRITTEN_OFF = Exists(
    TryOnEvent.objects.filter(request=OuterRef("pk"), name="written_off", at__gte=OuterRef("finished_at"))
)
"""Whether the try-on was written off since it last failed."""

HAS_ATTEMPT = Exists(Attempt.objects.filter(request=OuterRef("pk")))
"""Whether the try-on has a render of its own, instead of sharing one."""

OUTCOME_UNKNOWN = Q(HAS_ATTEMPT, ~IS_WRITTEN_OFF, state=State.FAILED, error_code="outcome_unknown")
"""The try-on ended without the vendor's response, and no operator has resolved it."""
