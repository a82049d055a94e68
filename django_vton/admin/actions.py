"""What operators do to try-ons. Each action says first what it costs and asks, then tells what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import lifecycle, privacy
from .base import Admin, confirmation, may_operate

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.template.response import TemplateResponse

    from ..models import TryOnRequest

AT_ONCE = 200
"""So many at most in one request: each is a transaction of its own."""


class OperatorActions(Admin):
    """Cancel and erase, for those who may operate."""

    actions = ["cancel", "erase"]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Django asks this for actions with `permissions=["operate"]`."""
        return may_operate(request)

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
            ngettext("%(n)d try-on was canceled.", "%(n)d try-ons were canceled.", len(canceled)),
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
            ngettext("%(n)d try-on was erased.", "%(n)d try-ons were erased.", len(erased)),
            ngettext("%(n)d had been erased before.", "%(n)d had been erased before.", rest),
            rest,
        )
        return None

    def _too_many(self, request: HttpRequest, queryset: QuerySet[TryOnRequest]) -> bool:
        if queryset.count() <= AT_ONCE:
            return False
        words = _("Please choose at most %(n)d try-ons at once. Nothing was changed.") % {"n": AT_ONCE}
        self.message_user(request, words, messages.ERROR)
        return True

    def _ask(self, request: HttpRequest, queryset: QuerySet[TryOnRequest], **words: Any) -> TemplateResponse:
        back = reverse("admin:vton_tryonrequest_changelist", current_app=self.admin_site.name)
        return confirmation(self, request, queryset, back=back, checkbox_name=ACTION_CHECKBOX_NAME, **words)

    def _report(
        self, request: HttpRequest, changed: list[TryOnRequest], done: str, left: str, rest: int
    ) -> None:
        """Tell what happened, and keep it in the admin's own history with who did it."""
        for tryon in changed:
            self.log_change(request, tryon, done % {"n": 1})
        words = done % {"n": len(changed)}
        if rest:
            words = f"{words} {left % {'n': rest}}"
        self.message_user(request, words, messages.SUCCESS if changed else messages.WARNING)
