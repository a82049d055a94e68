"""What operators do to try-ons. Each action says first what it costs and asks, then tells what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from .. import lifecycle, privacy
from ..exceptions import BudgetExhausted
from ..gateway import engines
from ..queue import wake
from ..utils.money import usd
from .base import Admin, confirmation, may_operate, may_spend

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.template.response import TemplateResponse
    from django.utils.functional import _StrPromise

    from ..models import TryOnRequest

AT_ONCE = 200
"""So many at most in one request: each is a transaction of its own."""

WHY_NOT = gettext_lazy(
    "It goes only for what failed at the vendor, with its photo still there; what is in doubt is settled "
    "on its own page."
)


class OperatorActions(Admin):
    """Retry, for those who may spend; ask now, cancel and erase, for those who may operate."""

    actions = ["retry", "ask_now", "cancel", "erase"]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Django asks this for actions with `permissions=["operate"]`."""
        return may_operate(request)

    def has_spend_permission(self, request: HttpRequest) -> bool:
        """As above, for `permissions=["spend"]`."""
        return may_spend(request)

    @admin.action(description=gettext_lazy("Render selected try-ons again"), permissions=["spend"])
    def retry(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> TemplateResponse | None:
        """A new paid attempt for what failed at the vendor, as long as its pictures are there."""
        if self._too_many(request, queryset):
            return None
        chosen = list(queryset)
        found = set(lifecycle.retryable(queryset.order_by()).values_list("pk", flat=True))
        again = [tryon for tryon in chosen if tryon.pk in found]
        if not again:
            self.message_user(
                request, _("None of them can be rendered again. %(why)s") % {"why": WHY_NOT}, messages.WARNING
            )
            return None
        if "confirmed" not in request.POST:
            total = usd(sum(engines.price(tryon.engine, tryon.options) for tryon in again))
            return self._ask(
                request,
                again,
                action="retry",
                title=_("Render again?"),
                question=_(
                    "Each is sent to the vendor once more, with the same pictures, and paid anew: "
                    "%(price)s together. Whoever asked gets the picture."
                )
                % {"price": total},
                answer=_("Yes, render again for %(price)s") % {"price": total},
            )
        self._retry_each(request, chosen, again)
        return None

    def _retry_each(
        self, request: HttpRequest, chosen: list[TryOnRequest], again: list[TryOnRequest]
    ) -> None:
        """Until the budget is used up; what was begun before goes on."""
        sent: list[TryOnRequest] = []
        try:
            sent.extend(tryon for tryon in again if lifecycle.retry(tryon, actor_id=request.user.pk))
        except BudgetExhausted:
            words = _("The budget of today or of this month has no room for more.")
            self.message_user(request, words, messages.ERROR)
        transaction.on_commit(wake, robust=True)
        rest = len(chosen) - len(sent)
        self._report(
            request,
            sent,
            ngettext_lazy("%(n)d try-on is rendered again.", "%(n)d try-ons are rendered again.", "n"),
            ngettext("%(n)d was left as it is.", "%(n)d were left as they are.", rest),
            rest,
        )

    @admin.action(description=gettext_lazy("Ask the vendor now"), permissions=["operate"])
    def ask_now(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> None:
        """What waits for its time is asked for, or fetched, at once. It costs nothing, so nobody is asked."""
        if self._too_many(request, queryset):
            return
        chosen = list(queryset)
        asked = [tryon for tryon in chosen if lifecycle.poll_now(tryon, actor_id=request.user.pk)]
        transaction.on_commit(wake, robust=True)
        rest = len(chosen) - len(asked)
        self._report(
            request,
            asked,
            ngettext_lazy("%(n)d try-on is asked for now.", "%(n)d try-ons are asked for now.", "n"),
            ngettext("%(n)d waits for no answer.", "%(n)d wait for no answer.", rest),
            rest,
        )

    @admin.action(description=gettext_lazy("Cancel selected try-ons"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> TemplateResponse | None:
        """Stop what still runs; what has ended stays as it is."""
        if self._too_many(request, queryset):
            return None
        if "confirmed" not in request.POST:
            return self._ask(
                request,
                queryset,
                action="cancel",
                title=_("Cancel try-ons?"),
                question=_(
                    "What is still in the queue costs nothing. What was sent already is paid, and its "
                    "picture is dropped. Shoppers who wait for a shared render get none."
                ),
                answer=_("Yes, cancel"),
            )
        chosen = list(queryset)
        canceled = [tryon for tryon in chosen if lifecycle.cancel(tryon, actor_id=request.user.pk)]
        rest = len(chosen) - len(canceled)
        self._report(
            request,
            canceled,
            ngettext_lazy("%(n)d try-on was canceled.", "%(n)d try-ons were canceled.", "n"),
            ngettext("%(n)d had ended already.", "%(n)d had ended already.", rest),
            rest,
        )
        return None

    @admin.action(description=gettext_lazy("Erase selected try-ons"), permissions=["operate"])
    def erase(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> TemplateResponse | None:
        """Delete pictures and photo, forget the owner; money rows stay."""
        if self._too_many(request, queryset):
            return None
        if "confirmed" not in request.POST:
            return self._ask(
                request,
                queryset,
                action="erase",
                title=_("Erase try-ons for good?"),
                question=_(
                    "Their pictures are deleted, and their photos where nothing else needs them; what still "
                    "runs is canceled first. Nobody can bring them back. What they cost stays in the books."
                ),
                answer=_("Yes, erase"),
            )
        chosen = list(queryset)
        erased = [tryon for tryon in chosen if tryon.erased_at is None]
        for tryon in erased:
            # By name, so that the history tells who ended it; `erase` would do it nameless.
            lifecycle.cancel(tryon, actor_id=request.user.pk)
            privacy.erase(tryon)
        rest = len(chosen) - len(erased)
        self._report(
            request,
            erased,
            ngettext_lazy("%(n)d try-on was erased.", "%(n)d try-ons were erased.", "n"),
            ngettext("%(n)d had been erased before.", "%(n)d had been erased before.", rest),
            rest,
        )
        return None

    def _too_many(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> bool:
        if queryset.order_by()[: AT_ONCE + 1].count() <= AT_ONCE:
            return False
        words = _("Please choose at most %(n)d try-ons at once. Nothing was changed.") % {"n": AT_ONCE}
        self.message_user(request, words, messages.ERROR)
        return True

    def _ask(self, request: HttpRequest, queryset: Iterable[TryOnRequest], **words: Any) -> TemplateResponse:
        back = reverse("admin:vton_tryonrequest_changelist", current_app=self.admin_site.name)
        return confirmation(self, request, queryset, back=back, checkbox_name=ACTION_CHECKBOX_NAME, **words)

    def _report(
        self, request: HttpRequest, changed: list[TryOnRequest], done: _StrPromise, left: str, rest: int
    ) -> None:
        """Tell what happened, and keep it in the admin's own history with who did it."""
        for tryon in changed:
            self.log_change(request, tryon, done % {"n": 1})
        words = done % {"n": len(changed)}
        if rest:
            words = f"{words} {left % {'n': rest}}"
        self.message_user(request, words, messages.SUCCESS if changed else messages.WARNING)
