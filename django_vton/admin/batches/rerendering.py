"""The button that renders the rejected renders of a batch again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from ... import batches
from ...models import Batch
from ..base import can_spend
from .base import BatchPages


class RerenderingViews(BatchPages):
    """The view that creates the draft. The draft's page shows the options and the price."""

    def rerender_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create a draft of the rejected renders, or show the one that an earlier click has created."""
        batch = self.get_batch(request, pk, can_spend)
        draft = batches.rerender(batch, user=request.user)
        draft = draft or batch.repeated_by.filter(status=Batch.Status.DRAFT).first()
        if draft is None:
            return self.refuse_outdated(request, batch)
        return self.redirect("change", draft.pk)
