"""The progress page of a started batch, and the views that pause, resume, cancel and retry it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import batches
from ...batches import Progress
from ...batches.catalogue import chunks, find_products, image_key, quote
from ...batches.control import HOUSE_MODEL_INACTIVE, retryable
from ...batches.rerendering import rerenderable
from ...batches.review import reviewable
from ...batches.waiting import waiting_reasons
from ...models import Batch
from ..base import can_spend
from .base import BatchPages, can_stop, confirmed_price
from .review import rejection_counts

LATEST_RESULTS = 6
"""The maximum number of finished renders on the page."""


class ProgressViews(BatchPages):
    """The views of a batch that was started."""

    def progress_page(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """Show the page, which also works without JavaScript."""
        if request.method == "POST":  # The page was loaded before the batch was started.
            return self.refuse_outdated(request, batch)
        return self.render_page(request, "batch/progress", title=str(batch), **self._context(request, batch))

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the changing parts of the page as JSON, for the page's script."""
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
        waiting_reason = _waiting_reason(batch, now)
        latest = reviewable(batch).order_by("-request__finished_at").select_related("request__source")
        return {
            "batch": batch,
            "now": now,
            "status": _status(batch, now, is_waiting=bool(waiting_reason)),
            "waiting_reason": waiting_reason,
            "rejections": rejection_counts(now),
            "latest": latest.prefetch_related("request__images", "request__source__images")[:LATEST_RESULTS],
            "is_live": (is_running and not now.is_finished) or now.running > 0,
            "can_pause": can_stop(request) and is_running and now.waiting > 0,
            "can_resume": can_spend(request) and batch.status == Batch.Status.PAUSED,
            "can_cancel": can_stop(request) and is_open and not now.is_finished,
            "can_retry": can_spend(request) and is_open and bool(now.failed or now.refused),
            "rerenderable": rerenderable(batch).count() if can_spend(request) else 0,
            "repeated_by": batch.repeated_by.defer("products").order_by("pk"),
            "can_review": self.has_change_permission(request),
        }

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Pause the batch: send no more renders until it is resumed."""
        batch = self.get_batch(request, pk, can_stop)
        if not batches.progress(batch).waiting or not batches.pause(batch):
            return self.refuse_outdated(request, batch)
        self.log_and_notify(request, batch, _("Paused. Renders that were already sent will still finish."))
        return self.redirect("change", pk)

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Resume the batch. This needs the permission to spend, since waiting renders cost money."""
        batch = self.get_batch(request, pk, can_spend)
        if not batches.resume(batch):
            return self.refuse_outdated(request, batch)
        self.log_and_notify(request, batch, _("Resumed."))
        return self.redirect("change", pk)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel the remaining renders after a confirmation, since this cannot be undone."""
        batch = self.get_batch(request, pk, can_stop)
        if request.method == "POST":
            if not batches.cancel(batch, user=request.user):
                return self.refuse_outdated(request, batch)
            self.log_and_notify(request, batch, _("The remaining renders were canceled."))
            return self.redirect("change", pk)
        if batch.status == Batch.Status.CANCELED or batches.progress(batch).is_finished:
            return self.refuse_outdated(request, batch)
        return self.render_page(
            request,
            "batch/confirm",
            title=_("Cancel the remaining renders?"),
            batch=batch,
            questions=[
                _("Waiting renders are dropped for good and cost nothing."),
                _("Renders that were already sent are paid. They will finish, and their results are kept."),
            ],
            answer=_("Yes, cancel the remaining renders"),
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Retry the failed renders after a confirmation. Renders with an unknown outcome are optional."""
        batch = self.get_batch(request, pk, can_spend)
        number, price = _retry_price(batch, include_unknown=False)
        full_number, full_price = _retry_price(batch, include_unknown=True)
        if not full_number or batch.status == Batch.Status.CANCELED:
            return self.refuse_outdated(request, batch)
        if request.method == "POST":
            include_unknown = request.POST.get("include_unknown") == "on"
            seen_price = confirmed_price(
                request, "max_price_with_unknown" if include_unknown else "max_price"
            )
            if seen_price >= (full_price if include_unknown else price):
                retried = batches.retry(batch, include_unknown=include_unknown)
                if not retried:
                    return self.refuse_outdated(request, batch)
                text = ngettext("%(n)d render is retried.", "%(n)d renders are retried.", retried)
                self.log_and_notify(request, batch, text % {"n": retried})
                return self.redirect("change", pk)
            messages.warning(
                request, _("The selection or the price has changed. Please check again, then start.")
            )
        return self.render_page(
            request,
            "batch/retry",
            title=_("Retry the failed renders?"),
            batch=batch,
            number=number,
            price=price,
            unknown_number=full_number - number,
            unknown_price=full_price - price,
            full_price=full_price,
        )


def _status(batch: Batch, now: Progress, *, is_waiting: bool) -> str:
    if batch.status != Batch.Status.RUNNING:
        return batch.get_status_display()
    if now.is_finished:
        return _("finished")
    return _("waiting") if is_waiting else batch.get_status_display()


def _waiting_reason(batch: Batch, now: Progress) -> str:
    """Return why a batch was paused, or why its renders wait and when they continue, or ""."""
    if batch.status == Batch.Status.PAUSED and now.waiting_for == HOUSE_MODEL_INACTIVE:
        active = batch.house_models.active_house_models().values("pk")
        names = ", ".join(str(photo) for photo in batch.house_models.exclude(pk__in=active))
        reason = _("It was paused because a house model may not be used any more: %(names)s.")
        advice = _("If you resume it now, the renders on this house model are refused.")
        if not names:
            return _("It was paused because a house model was deactivated, which is active again.")
        return f"{reason % {'names': names}} {advice}"
    reasons = waiting_reasons(batch, now)
    if not reasons:
        return ""
    continues = _("The batch continues automatically once this is over.")
    if now.waiting_until is not None:
        # The page shows whole minutes. Round up, so that the batch never continues later than shown.
        rounded = timezone.localtime(now.waiting_until) + timedelta(seconds=59)
        continues = _("The batch continues automatically at %(time)s.") % {
            "time": date_format(rounded, "DATETIME_FORMAT")
        }
    return " ".join([*reasons, continues])


def _retry_price(batch: Batch, *, include_unknown: bool) -> tuple[int, int]:
    """Return the number of renders to retry, and the most they can cost in total, in micro-USD."""
    rows = list(retryable(batch, include_unknown=include_unknown).values_list("product", "photo"))
    prices: dict[str, tuple[Any, int]] = {}
    for chunk in chunks(list(dict.fromkeys(ref for ref, _photo in rows))):
        for ref, described in find_products(chunk).items():
            quoted = quote(described, batch.options)
            if quoted is not None:
                options = json.dumps(quoted.options, sort_keys=True)
                prices[ref] = (image_key(described), quoted.engine, options), quoted.price
    # Products with the same image share one render.
    renders = {(prices[ref][0], photo): prices[ref][1] for ref, photo in rows if ref in prices}
    return len(rows), sum(renders.values())
