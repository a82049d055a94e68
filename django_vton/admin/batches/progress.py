"""Watch a batch: its numbers, live or by a reload, and what may be done with it. No address acts on a GET."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import JsonResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from ... import batches
from ...batches.catalogue import chunks, look_up, terms
from ...batches.control import retryable
from ...batches.review import reviewable
from ...models import Batch
from ...utils.money import usd
from ..base import may_spend
from .base import BatchPages, may_stop, seen_price

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.functional import _StrPromise

    from ...batches import Progress

WAITS: dict[str, _StrPromise] = {
    "budget_exhausted": gettext_lazy("The budget of today or of this month has no room for the next render."),
    "paused": gettext_lazy("Try-on is paused for the whole shop."),
    "not_configured": gettext_lazy("The API key or the public address is missing in the settings."),
    "product_not_enabled": gettext_lazy("VTON['ENABLED'] is off in the settings."),
}
"""Why nothing of a running batch goes, by the code of the refusal."""

NEWEST = 6
"""So many finished renders are shown beside the numbers."""


class WatchViews(BatchPages):
    """The page of a batch that has begun, and its buttons."""

    def get_urls(self) -> list[URLPattern]:
        """Before Django's own, the last of which takes every address."""
        views: dict[str, Any] = {
            "progress": never_cache(self.progress_view),
            "pause": require_POST(self.pause_view),
            "resume": require_POST(self.resume_view),
            "cancel": self.cancel_view,
            "retry": self.retry_view,
        }
        ours = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"vton_batch_{name}")
            for name, view in views.items()
        ]
        return [*ours, *super().get_urls()]

    def watch(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """The page; it is whole without JavaScript."""
        if request.method == "POST":  # A second click on "Start" comes here.
            return self.to("change", batch.pk)
        return self.page(request, "watch", title=str(batch), **self._shown(request, batch))

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The moving parts of the page, for its script."""
        shown = self._shown(request, self.batch(request, pk))
        parts = {
            name: render_to_string(f"admin/vton/batch/{name}.html", {**shown, "opts": self.opts}, request)
            for name in ("state", "numbers", "controls")
        }
        return JsonResponse({"parts": parts, "is_live": shown["is_live"]})

    def _shown(self, request: HttpRequest, batch: Batch) -> dict[str, Any]:
        request.current_app = self.admin_site.name
        now = batches.progress(batch)
        runs = batch.status == Batch.Status.RUNNING
        is_open = batch.status in (Batch.Status.RUNNING, Batch.Status.PAUSED) and not now.is_finished
        may_retry = may_spend(request) and batch.status in (Batch.Status.RUNNING, Batch.Status.PAUSED)
        newest = reviewable(batch).order_by("-request__finished_at").select_related("request__source")
        return {
            "batch": batch,
            "now": now,
            "state": _state(batch, now),
            "why": _why(batch, now),
            "spent": usd(now.spent),
            "held": usd(now.held) if now.held else "",
            "to_come": now.waiting + now.running,
            "newest": newest.prefetch_related("request__images", "request__source__images")[:NEWEST],
            "is_live": (runs and not now.is_finished) or now.running > 0,
            "can_pause": may_stop(request) and runs and now.waiting > 0,
            "can_resume": may_spend(request) and batch.status == Batch.Status.PAUSED,
            "can_cancel": may_stop(request) and is_open,
            "can_retry": may_retry and bool(now.failed or now.refused),
            "can_review": self.has_change_permission(request),
        }

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Nothing more is sent until it goes on."""
        batch = self.batch(request, pk, may_stop)
        if batches.pause(batch):
            self._told(request, batch, _("Paused. What was sent already still ends."))
        return self.to("change", pk)

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For those who may spend: what waited is paid from here on."""
        batch = self.batch(request, pk, may_spend)
        if batches.resume(batch):
            self._told(request, batch, _("It goes on."))
        return self.to("change", pk)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks first: what is dropped cannot be taken up again."""
        batch = self.batch(request, pk, may_stop)
        if request.method == "POST":
            if batches.cancel(batch, user=request.user):
                self._told(request, batch, _("The rest was canceled."))
            return self.to("change", pk)
        return self.page(
            request,
            "confirm",
            title=_("Cancel the rest?"),
            batch=batch,
            questions=[
                _("What waits is dropped for good and costs nothing."),
                _("What was sent already is paid; it ends, and its pictures stay."),
            ],
            answer=_("Yes, cancel the rest"),
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks first, with the price. Those in doubt go along only where that is ticked."""
        batch = self.batch(request, pk, may_spend)
        number, price = _to_retry(batch, in_doubt=False)
        all_number, all_price = _to_retry(batch, in_doubt=True)
        if request.method == "POST":
            in_doubt = request.POST.get("in_doubt") == "on"
            seen = seen_price(request, "at_most_in_doubt" if in_doubt else "at_most")
            if seen >= (all_price if in_doubt else price):
                again = batches.retry(batch, in_doubt=in_doubt)
                words = ngettext("%(n)d render is tried again.", "%(n)d renders are tried again.", again)
                self._told(request, batch, words % {"n": again})
                return self.to("change", pk)
            messages.warning(
                request, _("The choice or the price has changed. Please look again, then start.")
            )
        return self.page(
            request,
            "retry",
            title=_("Try the failed again?"),
            batch=batch,
            number=number,
            price=usd(price),
            at_most=str(price),
            doubtful=all_number - number,
            doubtful_price=usd(all_price - price),
            at_most_in_doubt=str(all_price),
        )

    def _told(self, request: HttpRequest, batch: Batch, words: str) -> None:
        self.log_change(request, batch, words)
        messages.success(request, words)


def _state(batch: Batch, now: Progress) -> str:
    if batch.status == Batch.Status.RUNNING and now.is_finished:
        return _("finished")
    return _("waiting") if now.waits_for and not now.running else batch.get_status_display()


def _why(batch: Batch, now: Progress) -> str:
    """What holds it, and until when."""
    if batch.status != Batch.Status.RUNNING or not now.waits_for or now.is_finished:
        return ""
    words = str(WAITS.get(now.waits_for, _("Try-on has a problem at the moment.")))
    then = _("It goes on by itself once that is over.")
    if now.waits_until is not None:
        # Shown to the minute, and never before it has come.
        whole = timezone.localtime(now.waits_until) + timedelta(seconds=59)
        until = date_format(whole, "DATETIME_FORMAT")
        then = _("It goes on by itself at %(time)s.") % {"time": until}
    return f"{words} {then}"


def _to_retry(batch: Batch, *, in_doubt: bool) -> tuple[int, int]:
    """How many would be tried again, and what that costs at most."""
    refs = list(retryable(batch, in_doubt=in_doubt).values_list("product", flat=True))
    prices: dict[str, int] = {}
    for some in chunks(list(dict.fromkeys(refs))):
        for ref, described in look_up(some).items():
            offer = terms(described, batch.options)
            prices[ref] = offer.price if offer else 0
    return len(refs), sum(prices.get(ref, 0) for ref in refs)
