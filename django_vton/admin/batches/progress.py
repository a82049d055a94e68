"""The progress page of a batch, live or by reloading, and its actions. A GET never changes anything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from ... import batches
from ...batches import Progress
from ...batches.catalogue import chunks, find_products, quote
from ...batches.control import retryable
from ...batches.review import reviewable
from ...models import Batch
from ...utils.money import format_usd
from ..base import can_spend
from .base import BatchPages, can_stop, confirmed_price

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

WAITING_REASONS: dict[str, _StrPromise] = {
    "budget_exhausted": gettext_lazy("The budget of today or of this month does not cover the next render."),
    "paused": gettext_lazy("Try-on is paused for the whole shop."),
    "not_configured": gettext_lazy("The API key or the public URL is missing in the settings."),
    "product_not_enabled": gettext_lazy("VTON['ENABLED'] is off in the settings."),
}
"""Why a running batch is postponed, by refusal code."""

LATEST_RESULTS = 6
"""How many finished renders the page shows."""


class ProgressViews(BatchPages):
    """The page of a batch that was started, and its actions."""

    def get_urls(self) -> list[URLPattern]:
        """Add ours first, since Django's last pattern matches every URL."""
        views: dict[str, Any] = {
            "progress": never_cache(self.progress_view),
            "pause": require_POST(self.pause_view),
            "resume": require_POST(self.resume_view),
            "cancel": self.cancel_view,
            "retry": self.retry_view,
        }
        urls = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"vton_batch_{name}")
            for name, view in views.items()
        ]
        return [*urls, *super().get_urls()]

    def progress_page(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """Show the page, which is complete without JavaScript."""
        if request.method == "POST":  # From a second click on "Start".
            return self.redirect("change", batch.pk)
        return self.render_page(request, "progress", title=str(batch), **self._context(request, batch))

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the changing parts of the page for its script."""
        context = self._context(request, self.get_batch(request, pk))
        parts = {
            name: render_to_string(f"admin/vton/batch/{name}.html", {**context, "opts": self.opts}, request)
            for name in ("status", "counts", "controls")
        }
        return JsonResponse({"parts": parts, "is_live": context["is_live"]})

    def _context(self, request: HttpRequest, batch: Batch) -> dict[str, Any]:
        request.current_app = self.admin_site.name
        now = batches.progress(batch)
        is_running = batch.status == Batch.Status.RUNNING
        is_open = batch.status in (Batch.Status.RUNNING, Batch.Status.PAUSED)
        latest = reviewable(batch).order_by("-request__finished_at").select_related("request__source")
        return {
            "batch": batch,
            "now": now,
            "status": _status(batch, now),
            "waiting_reason": _waiting_reason(batch, now),
            "spent": format_usd(now.spent),
            "held": format_usd(now.held) if now.held else "",
            "latest": latest.prefetch_related("request__images", "request__source__images")[:LATEST_RESULTS],
            "is_live": (is_running and not now.is_finished) or now.running > 0,
            "can_pause": can_stop(request) and is_running and now.waiting > 0,
            "can_resume": can_spend(request) and batch.status == Batch.Status.PAUSED,
            "can_cancel": can_stop(request) and is_open and not now.is_finished,
            "can_retry": can_spend(request) and is_open and bool(now.failed or now.refused),
            "can_review": self.has_change_permission(request),
        }

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send no more renders until the batch is resumed."""
        batch = self.get_batch(request, pk, can_stop)
        if batches.pause(batch):
            self._notify(request, batch, _("Paused. Renders that were already sent will still finish."))
        return self.redirect("change", pk)

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Resume, which needs the permission to spend, since the waiting renders are paid."""
        batch = self.get_batch(request, pk, can_spend)
        if batches.resume(batch):
            self._notify(request, batch, _("Resumed."))
        return self.redirect("change", pk)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel after a confirmation, since dropped renders cannot be resumed."""
        batch = self.get_batch(request, pk, can_stop)
        if request.method == "POST":
            if batches.cancel(batch, user=request.user):
                self._notify(request, batch, _("The remaining renders were canceled."))
            return self.redirect("change", pk)
        return self.render_page(
            request,
            "confirm",
            title=_("Cancel the remaining renders?"),
            batch=batch,
            questions=[
                _("Waiting renders are dropped for good and cost nothing."),
                _("Renders that were already sent are paid. They will finish, and their results are kept."),
            ],
            answer=_("Yes, cancel the remaining renders"),
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Retry after a confirmation of the price. Unknown outcomes are retried only if that is checked."""
        batch = self.get_batch(request, pk, can_spend)
        number, price = _retry_price(batch, include_unknown=False)
        full_number, full_price = _retry_price(batch, include_unknown=True)
        if request.method == "POST":
            include_unknown = request.POST.get("include_unknown") == "on"
            if include_unknown:
                is_confirmed = confirmed_price(request, "max_price_with_unknown") >= full_price
            else:
                is_confirmed = confirmed_price(request) >= price
            if is_confirmed:
                retried = batches.retry(batch, include_unknown=include_unknown)
                text = ngettext("%(n)d render is retried.", "%(n)d renders are retried.", retried)
                self._notify(request, batch, text % {"n": retried})
                return self.redirect("change", pk)
            messages.warning(
                request, _("The selection or the price has changed. Please check again, then start.")
            )
        return self.render_page(
            request,
            "retry",
            title=_("Retry the failed renders?"),
            batch=batch,
            number=number,
            price=format_usd(price),
            max_price=str(price),
            unknown_number=full_number - number,
            unknown_price=format_usd(full_price - price),
            max_price_with_unknown=str(full_price),
        )

    def _notify(self, request: HttpRequest, batch: Batch, text: str) -> None:
        self.log_change(request, batch, text)
        messages.success(request, text)


def _status(batch: Batch, now: Progress) -> str:
    if batch.status == Batch.Status.RUNNING and now.is_finished:
        return _("finished")
    return _("waiting") if now.waiting_for and not now.running else batch.get_status_display()


def _waiting_reason(batch: Batch, now: Progress) -> str:
    """Return why a running batch is postponed and when it continues, or ""."""
    if batch.status != Batch.Status.RUNNING or not now.waiting_for or now.is_finished:
        return ""
    reason = str(WAITING_REASONS.get(now.waiting_for, _("Try-on has a problem at the moment.")))
    continues = _("The batch continues automatically once this is over.")
    if now.waiting_until is not None:
        # Round up to the minute that is shown, so that the batch never continues later than promised.
        rounded = timezone.localtime(now.waiting_until) + timedelta(seconds=59)
        continues = _("The batch continues automatically at %(time)s.") % {
            "time": date_format(rounded, "DATETIME_FORMAT")
        }
    return f"{reason} {continues}"


def _retry_price(batch: Batch, *, include_unknown: bool) -> tuple[int, int]:
    """Return how many renders would be retried, and their maximum price in micro-USD."""
    refs = list(retryable(batch, include_unknown=include_unknown).values_list("product", flat=True))
    prices: dict[str, int] = {}
    for some in chunks(list(dict.fromkeys(refs))):
        for ref, described in find_products(some).items():
            quoted = quote(described, batch.options)
            prices[ref] = quoted.price if quoted else 0
    return len(refs), sum(prices.get(ref, 0) for ref in refs)
