"""Actions on selected try-ons. Actions that cost money or cannot be undone need a confirmation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from .. import lifecycle, privacy
from ..exceptions import BudgetExhausted
from ..gateway import engines
from ..models import TryOnRequest
from ..queue import wake
from ..utils import database
from ..utils.money import format_usd
from .base import StyledAdmin, can_operate, can_spend

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MAX_SELECTED = 200
"""The maximum number of try-ons in one request, since each is changed in its own transaction."""


class OperatorActions(StyledAdmin):
    """The actions: retry, for staff who may spend; poll, cancel and erase, for staff who may operate."""

    actions = ["retry", "poll_now", "cancel", "erase"]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user gets the actions with `permissions=["operate"]`."""
        return can_operate(request)

    def has_spend_permission(self, request: HttpRequest) -> bool:
        """Return whether the user gets the actions with `permissions=["spend"]`."""
        return can_spend(request)

    @admin.action(description=gettext_lazy("Render selected try-ons again"), permissions=["spend"])
    def retry(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> TemplateResponse | None:
        """Start a new paid attempt for try-ons that failed at the vendor and still have their images."""
        if not (selected := self._selected(request, queryset)):
            return None
        pks = set(lifecycle.retryable(queryset.order_by()).values_list("pk", flat=True))
        retryable = [tryon for tryon in selected if tryon.pk in pks]
        if not retryable:
            text = _(
                "None of the selected try-ons can be rendered again. Only try-ons that failed at the vendor "
                "and whose photo still exists can. Resolve an unknown outcome on the try-on's own page."
            )
            self.message_user(request, text, messages.WARNING)
            return None
        if "confirmed" not in request.POST:
            price = format_usd(sum(engines.price(tryon.engine, tryon.options) for tryon in retryable))
            return self._confirm(
                request,
                retryable,
                action="retry",
                title=_("Render again?"),
                question=_(
                    "Each try-on is sent to the vendor again with the same images, and is paid again: "
                    "%(price)s in total. The shoppers get the results."
                )
                % {"price": price},
                answer=_("Yes, render again for %(price)s") % {"price": price},
            )
        sent: list[TryOnRequest] = []
        try:
            # `extend` keeps the try-ons that were queued before the error.
            sent.extend(tryon for tryon in retryable if lifecycle.retry(tryon, actor_id=request.user.pk))
        except BudgetExhausted:
            self.message_user(request, _("The budget of today or of this month is used up."), messages.ERROR)
        database.on_commit(wake, robust=True)
        self._report(
            request,
            sent,
            len(selected) - len(sent),
            ngettext_lazy(
                "%(n)d try-on will be rendered again.", "%(n)d try-ons will be rendered again.", "n"
            ),
            ngettext_lazy("%(n)d was not changed.", "%(n)d were not changed.", "n"),
        )
        return None

    @admin.action(description=gettext_lazy("Check with the vendor now"), permissions=["operate"])
    def poll_now(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> None:
        """Poll the vendor or download the images now. This is free, so it needs no confirmation."""
        if not (selected := self._selected(request, queryset)):
            return
        due = [tryon for tryon in selected if lifecycle.poll_now(tryon, actor_id=request.user.pk)]
        database.on_commit(wake, robust=True)
        self._report(
            request,
            due,
            len(selected) - len(due),
            ngettext_lazy("%(n)d try-on is checked now.", "%(n)d try-ons are checked now.", "n"),
            ngettext_lazy("%(n)d is not waiting for a result.", "%(n)d are not waiting for a result.", "n"),
        )

    @admin.action(description=gettext_lazy("Cancel selected try-ons"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> TemplateResponse | None:
        """Cancel the active try-ons. Try-ons that have ended do not change."""
        if not (selected := self._selected(request, queryset)):
            return None
        if "confirmed" not in request.POST:
            return self._confirm(
                request,
                selected,
                action="cancel",
                title=_("Cancel try-ons?"),
                question=_(
                    "Queued try-ons cost nothing. Try-ons that were already sent are paid, and their results "
                    "are discarded. Shoppers who wait for a shared render get no result."
                ),
                answer=_("Yes, cancel"),
            )
        canceled = [tryon for tryon in selected if lifecycle.cancel(tryon, actor_id=request.user.pk)]
        self._report(
            request,
            canceled,
            len(selected) - len(canceled),
            ngettext_lazy("%(n)d try-on was canceled.", "%(n)d try-ons were canceled.", "n"),
            ngettext_lazy("%(n)d had already ended.", "%(n)d had already ended.", "n"),
        )
        return None

    @admin.action(description=gettext_lazy("Erase selected try-ons"), permissions=["operate"])
    def erase(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> TemplateResponse | None:
        """Delete the images and the link to the shopper. The amounts stay in the reports."""
        if not (selected := self._selected(request, queryset)):
            return None
        if "confirmed" not in request.POST:
            return self._confirm(
                request,
                selected,
                action="erase",
                title=_("Erase try-ons permanently?"),
                question=_(
                    "Their results are deleted, and their photos too if nothing else needs them. Active "
                    "try-ons are canceled first. This cannot be undone. The amounts stay in the reports."
                ),
                answer=_("Yes, erase"),
            )
        erased = [tryon for tryon in selected if tryon.erased_at is None]
        for tryon in erased:
            # `erase_tryon` also cancels, but does not record the user in the history.
            lifecycle.cancel(tryon, actor_id=request.user.pk)
            privacy.erase_tryon(tryon)
        self._report(
            request,
            erased,
            len(selected) - len(erased),
            ngettext_lazy("%(n)d try-on was erased.", "%(n)d try-ons were erased.", "n"),
            ngettext_lazy("%(n)d had already been erased.", "%(n)d had already been erased.", "n"),
        )
        return None

    def _selected(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> list[TryOnRequest]:
        """Return the selected try-ons. If there are too many, show an error and return an empty list."""
        selected = list(queryset[: MAX_SELECTED + 1])
        if len(selected) <= MAX_SELECTED:
            return selected
        text = _("Select at most %(n)d try-ons at a time. Nothing was changed.") % {"n": MAX_SELECTED}
        self.message_user(request, text, messages.ERROR)
        return []

    def _confirm(
        self, request: HttpRequest, tryons: Iterable[TryOnRequest], **context: Any
    ) -> TemplateResponse:
        cancel_url = reverse("admin:vton_tryonrequest_changelist", current_app=self.admin_site.name)
        return self.render_page(
            request, "tryonrequest/confirm_action", tryons=tryons, cancel_url=cancel_url, **context
        )

    def _report(
        self,
        request: HttpRequest,
        changed: list[TryOnRequest],
        unchanged: int,
        changed_text: _StrPromise,
        unchanged_text: _StrPromise,
    ) -> None:
        """Record each change in the admin's history, and show the result to the user."""
        for tryon in changed:
            self.log_change(request, tryon, changed_text % {"n": 1})
        text = changed_text % {"n": len(changed)}
        if unchanged:
            text = f"{text} {unchanged_text % {'n': unchanged}}"
        self.message_user(request, text, messages.SUCCESS if changed else messages.WARNING)
