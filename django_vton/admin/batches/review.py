"""The contact sheet: before and after side by side, a word on each, and into the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from ... import batches
from ...batches.control import retryable
from ...batches.publishing import HAS_MORE
from ...batches.review import PUBLISHED, reviewable
from ...models import BatchRender
from ...models.states import State
from .. import display
from .base import BatchPages

if TYPE_CHECKING:
    from django.core.paginator import Page
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.functional import _StrPromise

    from ...batches import Progress
    from ...models import Batch

PER_PAGE = 24
STEP = 8.0
"""Seconds of publishing in one request."""

SHOWS: dict[str, _StrPromise] = {
    "unreviewed": gettext_lazy("not reviewed"),
    "accepted": gettext_lazy("accepted"),
    "rejected": gettext_lazy("rejected"),
    "published": gettext_lazy("in the shop"),
    "failed": gettext_lazy("failed"),
}
"""What the sheet shows, by its name in the address."""

DECIDE = {"accept": batches.accept, "reject": batches.reject, "undo": batches.undo}


class ReviewViews(BatchPages):
    """The sheet, and the steps of publishing. To look needs `view_batch`, all else `change_batch`."""

    def get_urls(self) -> list[URLPattern]:
        """Before Django's own, the last of which takes every address."""
        review = self.admin_site.admin_view(self.review_view)
        publish = self.admin_site.admin_view(require_POST(self.publish_view))
        return [
            path("<int:pk>/review/", review, name="vton_batch_review"),
            path("<int:pk>/publish/", publish, name="vton_batch_publish"),
            *super().get_urls(),
        ]

    def review_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The sheet; a POST is a word on one render, from a button or from the script."""
        if request.method == "POST":
            return self._decide(request, self.batch(request, pk, self.has_change_permission))
        batch = self.batch(request, pk)
        now = batches.progress(batch)
        show = request.GET.get("show", "")
        if show not in SHOWS:
            show = "unreviewed" if now.unreviewed or not now.accepted else "accepted"
        page = Paginator(_rows(batch, show), PER_PAGE).get_page(request.GET.get("page"))
        return self.page(
            request,
            "review",
            title=_("Review"),
            batch=batch,
            now=now,
            show=show,
            tabs=[(name, words, _count(now, name)) for name, words in SHOWS.items()],
            page=page,
            pages=page.paginator.get_elided_page_range(page.number),
            cards=_cards(page),
            may_review=self.has_change_permission(request),
            unpublished=_unpublished(batch),
            address=f"{self.address('review', pk)}?show={show}&page={page.number}",
        )

    def _decide(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        do, _colon, number = request.POST.get("do", "").partition(":")
        render = batch.renders.filter(pk=number).first() if number.isdecimal() else None
        problem = _("There is no such render in this batch.")
        if render is not None:
            problem = _act(do, batch, render, request.user)
        if request.headers.get("Accept") == "application/json":
            return self._answer(request, batch, number, problem)
        if problem:
            messages.error(request, problem)
        return HttpResponseRedirect(f"{request.get_full_path()}#render-{number}")

    def _answer(self, request: HttpRequest, batch: Batch, number: str, problem: str) -> HttpResponse:
        """For the script: the card as it is now, and the new counts."""
        rows = _shown(batch.renders.filter(pk=number)) if number.isdecimal() else []
        now = batches.progress(batch)
        card = [
            render_to_string("admin/vton/batch/card.html", {"card": card, "may_review": True}, request)
            for card in map(_card, rows)
        ]
        counts = {name: _count(now, name) for name in SHOWS}
        request.current_app = self.admin_site.name
        context = {"batch": batch, "now": now, "opts": self.opts, "unpublished": _unpublished(batch)}
        publish = render_to_string("admin/vton/batch/publish.html", context, request)
        return JsonResponse({"card": "".join(card), "problem": problem, "counts": counts, "publish": publish})

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One step: all that a few seconds hold. Where more is to come, the page asks for the next one."""
        batch = self.batch(request, pk, self.has_change_permission)
        after = request.POST.get("after", "")
        outcome = batches.publish_accepted(
            batch, after=int(after[:9]) if after.isdecimal() else -1, seconds=STEP
        )
        if outcome.done:
            words = ngettext("%(n)d render was published.", "%(n)d renders were published.", outcome.done)
            words %= {"n": outcome.done}
            self.log_change(request, batch, words)
            messages.success(request, words)
        if outcome.problems:
            number = len(outcome.problems)
            words = ngettext(
                "%(n)d render could not be published: it says why.",
                "%(n)d renders could not be published: each says why.",
                number,
            )
            messages.error(request, words % {"n": number})
        if outcome.is_all:
            return HttpResponseRedirect(f"{self.address('review', pk)}?show=accepted")
        now = batches.progress(batch)
        return self.page(
            request, "publishing", title=_("Publishing…"), batch=batch, now=now, after=str(outcome.last)
        )


def _act(do: str, batch: Batch, render: BatchRender, user: Any) -> str:
    """The problem in words, or ""."""
    if do in DECIDE:
        DECIDE[do](batch, [render.pk], user=user)
        return ""
    if do == "publish":
        return batches.publish(render)
    if do == "unpublish":
        return batches.unpublish(render)
    return _("Nothing was changed.")


def _unpublished(batch: Batch) -> int:
    accepted = reviewable(batch).filter(review=BatchRender.Review.ACCEPTED)
    return accepted.filter(HAS_MORE).count()


def _count(now: Progress, show: str) -> int:
    return now.failed + now.refused if show == "failed" else int(getattr(now, show))


def _rows(batch: Batch, show: str) -> QuerySet[BatchRender]:
    if show == "failed":
        return _shown(retryable(batch, in_doubt=True).order_by("position"))
    found = reviewable(batch)
    if show == "published":
        return _shown(found.filter(PUBLISHED))
    return _shown(found.filter(review="" if show == "unreviewed" else show))


def _shown(rows: QuerySet[BatchRender]) -> QuerySet[BatchRender]:
    """With all that a card shows, in a fixed number of queries."""
    found: QuerySet[BatchRender] = (
        rows.select_related("photo", "request__source")
        .prefetch_related("request__images", "request__source__images")
        .annotate(is_published=PUBLISHED)
    )
    return found


def _cards(page: Page[BatchRender]) -> list[dict[str, Any]]:
    return [_card(render) for render in page.object_list]


def _card(render: Any) -> dict[str, Any]:
    """One render, annotated by `_shown`, as the sheet shows it."""
    title = render.product_title or render.product
    made = render.request
    pictures = made.pictures if made is not None and made.state == State.COMPLETED else []
    why = render.problem
    if made is not None and made.state == State.FAILED:
        why = str(display.ERROR_WORDS.get(made.error_code, made.error_code))
    return {
        "render": render,
        "title": title,
        "product": display.product_link(render.product, title),
        "photo": render.photo,
        "before": display.photo_url(render.photo) if render.photo else "",
        "before_full": display.photo_url(render.photo, small=False) if render.photo else "",
        "after": [(display.image_url(it), display.image_url(it, small=False)) for it in pictures],
        "problem": why,
        "is_published": render.is_published,
        "is_reviewable": bool(pictures),
    }
