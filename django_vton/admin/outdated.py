"""Actions on outdated renders: render their products again in a batch, and remove them from the shop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import batches
from ..batches.review import IS_PUBLISHED, OUTDATED
from ..models import Batch, BatchRender, PersonPhoto, TryOnRequest
from .base import StyledAdmin, can_publish, can_spend

UNPUBLISH_SECONDS = 8.0
"""The time after which a request stops calling the shop's `unpublish`."""


class OutdatedActions(StyledAdmin):
    """The actions on selected try-ons. Of these, they change only outdated renders of batches."""

    actions = ["render_again", "remove_outdated"]

    def has_spend_permission(self, request: HttpRequest) -> bool:
        """Return whether the user gets the actions with `permissions=["spend"]`."""
        return can_spend(request)

    def has_publish_permission(self, request: HttpRequest) -> bool:
        """Return whether the user gets the actions with `permissions=["publish"]`."""
        return can_publish(request)

    @admin.action(
        description=gettext_lazy("Render outdated products again in a batch…"), permissions=["spend"]
    )
    def render_again(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> HttpResponse | None:
        """Create a draft batch, whose page shows the price before anything is paid."""
        batch = draft_again(_outdated(queryset), request.user)
        if batch is None:
            self.message_user(request, _("None of the selected try-ons is outdated."), messages.WARNING)
            return None
        url = reverse("admin:vton_batch_change", args=[batch.pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(url)

    @admin.action(description=gettext_lazy("Remove outdated renders from the shop"), permissions=["publish"])
    def remove_outdated(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> None:
        """Unpublish the outdated renders. Their reviews stay, so they can be published again."""
        published = _outdated(queryset).filter(IS_PUBLISHED)
        unpublish_renders(self, request, list(published.values_list("pk", flat=True)))


def _outdated(queryset: QuerySet[TryOnRequest]) -> QuerySet[BatchRender]:
    return BatchRender.objects.filter(OUTDATED, request__in=queryset.order_by().values("pk"))


def draft_again(renders: QuerySet[BatchRender], user: Any) -> Batch | None:
    """Return a draft of the products and the active house models of these renders, or None without any.

    If one batch has ordered all of them, the draft has its options.
    """
    rows = list(renders.order_by("batch", "position").values_list("product", "photo", "batch"))
    if not rows:
        return None
    products, photos, batch_pks = zip(*rows, strict=True)
    options = Batch.objects.filter(pk__in=set(batch_pks)).values_list("options", flat=True)
    return batches.draft(
        products,
        PersonPhoto.objects.active_house_models().filter(pk__in=set(photos)),
        options=options[0] if len(options) == 1 else None,
        name=_("Changed product pictures"),
        user=user,
    )


def unpublish_renders(page: StyledAdmin, request: HttpRequest, pks: Sequence[int]) -> None:
    """Unpublish renders for a few seconds, and tell the user how many were removed and how many are left."""
    deadline = time.monotonic() + UNPUBLISH_SECONDS
    removed = failed = 0
    for pk in pks:
        if time.monotonic() >= deadline:
            break
        render = BatchRender.objects.select_related("request").get(pk=pk)
        if batches.unpublish(render):
            failed += 1
        else:
            removed += 1
            page.log_change(request, render.request, _("Removed from the shop."))
    text = ngettext(
        "%(n)d render was removed from the shop.", "%(n)d renders were removed from the shop.", removed
    )
    page.message_user(request, text % {"n": removed}, messages.SUCCESS if removed else messages.WARNING)
    if failed:
        text = ngettext(
            "%(n)d render could not be removed. The reason is shown with it in its batch.",
            "%(n)d renders could not be removed. The reasons are shown with them in their batches.",
            failed,
        )
        page.message_user(request, text % {"n": failed}, messages.ERROR)
    if remaining := len(pks) - removed - failed:
        text = ngettext(
            "%(n)d render is left. Please repeat the action.",
            "%(n)d renders are left. Please repeat the action.",
            remaining,
        )
        page.message_user(request, text % {"n": remaining}, messages.WARNING)
