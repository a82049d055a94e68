"""The review page, on which staff accept, reject and publish the renders of a batch."""

from __future__ import annotations

from typing import Any

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
from ...batches.review import IS_PUBLISHED, OUTDATED, reviewable
from ...messages import ERROR_LABELS
from ...models import Batch, BatchRender
from ...models.states import State
from .. import display
from .base import BatchPages

PER_PAGE = 24
PUBLISH_SECONDS = 8.0
"""The time after which a request stops publishing, and the page sends the next request."""

TABS = {
    "unreviewed": gettext_lazy("not reviewed"),
    "accepted": gettext_lazy("accepted"),
    "rejected": gettext_lazy("rejected"),
    "published": gettext_lazy("in the shop"),
    "outdated": gettext_lazy("outdated"),
    "failed": gettext_lazy("failed"),
}
"""The labels of the tabs, by the value of `?show=`."""

DECISIONS = {"accept": batches.accept, "reject": batches.reject, "undo": batches.undo}


class ReviewViews(BatchPages):
    """The review page and publishing. Viewing needs `view_batch`, everything else `change_batch`."""

    def review_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the renders of a tab. A POST, by a button or the page's script, decides on one render."""
        if request.method == "POST":
            return self._decide(request, self.get_batch(request, pk, self.has_change_permission))
        batch = self.get_batch(request, pk)
        now = batches.progress(batch)
        show = request.GET.get("show", "")
        if show not in TABS:
            show = "unreviewed" if now.unreviewed or not now.accepted else "accepted"
        page = Paginator(_renders(batch, show), PER_PAGE).get_page(request.GET.get("page"))
        return self.render_page(
            request,
            "batch/review",
            title=_("Review"),
            batch=batch,
            now=now,
            show=show,
            tabs=[(name, label, _count(now, name)) for name, label in TABS.items()],
            page=page,
            page_numbers=page.paginator.get_elided_page_range(page.number),
            cards=[_card(render) for render in page.object_list],
            can_review=self.has_change_permission(request),
            unpublished=_unpublished(batch),
            form_url=f"{self.url('review', pk)}?show={show}&page={page.number}",
        )

    def _decide(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        do, _colon, number = request.POST.get("do", "").partition(":")
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

    def _json_response(self, request: HttpRequest, batch: Batch, number: str, problem: str) -> HttpResponse:
        """Return the updated card, counts and publish form for the page's script."""
        rows = _with_related(batch.renders.filter(pk=number)) if number.isdecimal() else []
        now = batches.progress(batch)
        cards = [
            render_to_string("admin/vton/batch/card.html", {"card": _card(row), "can_review": True}, request)
            for row in rows
        ]
        counts = {name: _count(now, name) for name in TABS}
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
        return self.render_page(
            request,
            "batch/publishing",
            title=_("Publishing…"),
            batch=batch,
            now=batches.progress(batch),
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
    return _("Nothing was changed: it is already “%(review)s”.") % {"review": now.get_review_display()}


def _unpublished(batch: Batch) -> int:
    return publishable(batch).count()


def _count(now: Progress, show: str) -> int:
    return now.failed + now.refused if show == "failed" else int(getattr(now, show))


def _renders(batch: Batch, show: str) -> QuerySet[BatchRender]:
    if show == "failed":
        return _with_related(retryable(batch, include_unknown=True).order_by("position"))
    rows = reviewable(batch)
    if show == "published":
        return _with_related(rows.filter(IS_PUBLISHED))
    if show == "outdated":
        return _with_related(rows.filter(OUTDATED))
    return _with_related(rows.filter(review="" if show == "unreviewed" else show))


def _with_related(rows: QuerySet[BatchRender]) -> QuerySet[BatchRender]:
    """Load everything that a card shows, in a fixed number of queries."""
    found: QuerySet[BatchRender] = (
        rows.select_related("photo", "request__source")
        .prefetch_related("request__images", "request__source__images")
        .annotate(is_published=IS_PUBLISHED)
    )
    return found


def _card(render: Any) -> dict[str, Any]:
    """Return the context of `card.html` for a render from `_with_related`."""
    title = render.product_title or render.product
    request = render.request
    images = request.shown_images if request is not None and request.state == State.COMPLETED else []
    problem = render.problem
    if request is not None and request.state == State.FAILED:
        problem = str(ERROR_LABELS.get(request.error_code, request.error_code))
    return {
        "render": render,
        "title": title,
        "product": display.product_link(render.product, title),
        "images": images,
        "problem": problem,
    }
