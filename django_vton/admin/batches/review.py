"""The review page, on which staff accept, reject and publish the renders of a batch."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ... import batches
from ...batches import Progress
from ...batches.control import retryable
from ...batches.publishing import HAS_UNPUBLISHED_IMAGE, publishable
from ...batches.review import IS_PUBLISHED, OUTDATED, UNCONFIRMED, reviewable
from ...conf import config
from ...models import Batch, BatchRender
from .base import BatchPages
from .cards import render_cards, with_related

PER_PAGE = 24
PUBLISH_SECONDS = 8.0
"""The time after which a request stops publishing, and the page sends the next request."""

TABS = {
    "unreviewed": gettext_lazy("not reviewed"),
    "unconfirmed": gettext_lazy("needs a second reviewer"),
    "accepted": gettext_lazy("accepted"),
    "rejected": gettext_lazy("rejected"),
    "published": gettext_lazy("in the shop"),
    "outdated": gettext_lazy("outdated"),
    "failed": gettext_lazy("failed"),
}
"""The labels of the tabs, by the value of `?show=`. The second is only shown with `REVIEW_BY_TWO`."""

Reason = BatchRender.RejectionReason

DECISIONS: dict[str, Callable[..., int]] = {
    "accept": batches.accept,
    "undo": batches.undo,
    **{f"reject-{reason}": partial(batches.reject, reason=reason) for reason in Reason.values},
}
"""The decisions on one render, by the values of the buttons."""


class ReviewViews(BatchPages):
    """The review page and publishing. Viewing needs `view_batch`, everything else `change_batch`."""

    def review_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the renders of a tab. A POST, by a button or the page's script, decides on one render."""
        if request.method == "POST":
            return self._decide(request, self.get_batch(request, pk, self.has_change_permission))
        batch = self.get_batch(request, pk)
        now = batches.progress(batch)
        show = request.GET.get("show", "")
        if show not in _tabs():
            show = "unreviewed" if now.unreviewed or not now.accepted else "accepted"
        reason = request.GET.get("reason", "")
        if show != "rejected" or reason not in Reason.values:
            reason = ""
        page = Paginator(_renders(batch, show, reason), PER_PAGE).get_page(request.GET.get("page"))
        cards = render_cards(page.object_list, request.user)
        query = urlencode({"show": show, **({"reason": reason} if reason else {})})
        return self.render_page(
            request,
            "batch/review",
            title=_("Review"),
            batch=batch,
            now=now,
            show=show,
            tabs=[(name, label, _count(now, name)) for name, label in _tabs().items()],
            reason=reason,
            rejections=rejection_counts(now) if show == "rejected" else [],
            page=page,
            page_numbers=page.paginator.get_elided_page_range(page.number),
            query=query,
            cards=cards,
            can_accept_all=any(card["is_undecided"] for card in cards),
            reasons=Reason.choices,
            can_review=self.has_change_permission(request),
            unpublished=_unpublished(batch),
            form_url=f"{self.url('review', pk)}?{query}&page={page.number}",
        )

    def _decide(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        do, _colon, number = request.POST.get("do", "").partition(":")
        if do == "accept_shown":
            return self._accept_shown(request, batch)
        render = batch.renders.filter(pk=number).first() if number.isdecimal() else None
        if render is None:
            problem = _("There is no such render in this batch.")
        else:
            problem = _apply(do, batch, render, request.user)
        if request.headers.get("Accept") == "application/json":
            return self._json_response(request, batch, number, problem)
        if problem:
            messages.error(request, problem)
        return HttpResponseRedirect(f"{request.get_full_path()}#render-{number}")

    def _accept_shown(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """Accept the renders that the page has shown as undecided, and leave out what was decided since."""
        shown = {
            int(pk) for pk in request.POST.getlist("shown")[:PER_PAGE] if re.fullmatch("[0-9]{1,18}", pk)
        }
        accepted = batches.accept_undecided(batch, shown, user=request.user)
        if accepted:
            text = ngettext("%(n)d render was accepted.", "%(n)d renders were accepted.", accepted)
            self.log_and_notify(request, batch, text % {"n": accepted})
        if outdated := len(shown) - accepted:
            text = ngettext(
                "%(n)d render was not accepted, since it was decided or removed in the meantime.",
                "%(n)d renders were not accepted, since they were decided or removed in the meantime.",
                outdated,
            )
            messages.warning(request, text % {"n": outdated})
        if not shown:
            messages.warning(request, _("Nothing was changed: the page showed no undecided render."))
        return HttpResponseRedirect(request.get_full_path())

    def _json_response(self, request: HttpRequest, batch: Batch, number: str, problem: str) -> HttpResponse:
        """Return the updated card, counts and publish form for the page's script."""
        rows = with_related(batch.renders.filter(pk=number)) if number.isdecimal() else []
        now = batches.progress(batch)
        shared = {"can_review": True, "reasons": Reason.choices}
        cards = [
            render_to_string("admin/vton/batch/card.html", {"card": card, **shared}, request)
            for card in render_cards(rows, request.user)
        ]
        counts = {name: _count(now, name) for name in _tabs()}
        request.current_app = self.admin_site.name
        context = {"batch": batch, "now": now, "opts": self.opts, "unpublished": _unpublished(batch)}
        publish = render_to_string("admin/vton/batch/publish_form.html", context, request)
        return JsonResponse(
            {"card": "".join(cards), "problem": problem, "counts": counts, "publish": publish}
        )

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Publish accepted renders for a few seconds. If more remain, return a page that posts again."""
        batch = self.get_batch(request, pk, self.has_change_permission)
        after = request.POST.get("after", "")
        result = batches.publish_accepted(
            batch, after=int(after[:9]) if after.isdecimal() else -1, seconds=PUBLISH_SECONDS
        )
        if result.published:
            text = ngettext("%(n)d render was published.", "%(n)d renders were published.", result.published)
            self.log_and_notify(request, batch, text % {"n": result.published})
        if result.failed:
            number = len(result.failed)
            text = ngettext(
                "%(n)d render could not be published. The reason is shown with it.",
                "%(n)d renders could not be published. The reason is shown with each.",
                number,
            )
            messages.error(request, text % {"n": number})
        if result.is_complete:
            if not (result.published or result.failed or after):
                messages.warning(request, _("No accepted render is left to publish."))
            return HttpResponseRedirect(f"{self.url('review', pk)}?show=accepted")
        now = batches.progress(batch)
        return self.render_page(
            request,
            "batch/publishing",
            title=_("Publishing…"),
            batch=batch,
            now=now,
            total=now.accepted - now.unconfirmed,
            after=str(result.last_position),
        )


def _apply(do: str, batch: Batch, render: BatchRender, user: Any) -> str:
    """Apply a decision, or publish or unpublish the render. Return the problem as a sentence, or ""."""
    if do not in {*DECISIONS, "publish", "unpublish"}:
        return _("Nothing was changed.")
    # What the page shows may be out of date, for example after a colleague's decision.
    rows = reviewable(batch).annotate(is_published=IS_PUBLISHED, is_unpublished=HAS_UNPUBLISHED_IMAGE)
    now: Any = rows.filter(pk=render.pk).first()
    if now is None:
        return _("Nothing was changed: this render has no images any more.")
    if do == "unpublish":
        return batches.unpublish(now) if now.is_published else _("It is not in the shop any more.")
    if do == "publish":
        return batches.publish(now) if now.is_unpublished else _("It is already in the shop.")
    return _decide_on(do, batch, now, user)


def _decide_on(do: str, batch: Batch, now: Any, user: Any) -> str:
    """Accept, reject or undo. Return why nothing was changed, or ""."""
    if DECISIONS[do](batch, [now.pk], user=user):
        return ""
    if now.is_published:
        return _("It is in the shop. Remove it from the shop before you change the decision.")
    if do == "accept" and config.REVIEW_BY_TWO and now.confirmed_at is None:
        return _(
            "Nothing was changed: you have accepted it already. Another staff member has to accept it too."
        )
    return _("Nothing was changed: it is already “%(review)s”.") % {"review": now.get_review_display()}


def _unpublished(batch: Batch) -> int:
    return publishable(batch).count()


def _tabs() -> dict[str, Any]:
    return {name: label for name, label in TABS.items() if name != "unconfirmed" or config.REVIEW_BY_TWO}


def _count(now: Progress, show: str) -> int:
    return now.failed + now.refused if show == "failed" else int(getattr(now, show))


def _renders(batch: Batch, show: str, reason: str) -> QuerySet[BatchRender]:
    if show == "failed":
        return with_related(retryable(batch, include_unknown=True).order_by("position"))
    rows = reviewable(batch)
    if show == "published":
        return with_related(rows.filter(IS_PUBLISHED))
    if show == "outdated":
        return with_related(rows.filter(OUTDATED))
    if show == "unconfirmed":
        return with_related(rows.filter(UNCONFIRMED))
    if reason:
        rows = rows.filter(rejection_reason=reason)
    return with_related(rows.filter(review="" if show == "unreviewed" else show))


def rejection_counts(now: Progress) -> list[tuple[str, Any, int]]:
    """Return each reason of a rejection with its label and its number, without zeros."""
    return [
        (reason, label, now.rejections[reason])
        for reason, label in Reason.choices
        if reason in now.rejections
    ]
