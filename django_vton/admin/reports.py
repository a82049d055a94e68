"""The reports page and its CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from ..billing.budget import budget_statuses
from ..intake.feedback import REASONS
from ..models import BudgetPeriod, Conversion, TryOnImage, TryOnRequest
from ..models.states import ERROR_LABELS
from ..monitoring import reports
from ..utils.money import format_usd
from . import chart, periods
from .budget_status import budget_context
from .csv_response import csv_response, usd
from .invoice import CHUNK_SIZE, InvoiceViews, totals_row
from .periods import Period

DAYS_HEADER = (
    *("day", "renders", "completed", "failed"),
    *("charged_usd", "assumed_charged_usd", "free_usd", "held_usd"),
)
FEEDBACK_HEADER = ("product", "title", "likes", "dislikes", *REASONS)


@admin.register(Conversion)
class ReportsAdmin(InvoiceViews):
    """The reports of what try-on costs and achieves. They replace the list of conversions."""

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of two pages and their files. The admin index links to "changelist"."""
        require = permission_required("vton.view_tryonrequest", raise_exception=True)
        views = {
            "": (self.reports_view, "vton_conversion_changelist"),
            "days.csv": (self.days_view, "vton_reports_days"),
            "feedback.csv": (self.feedback_view, "vton_reports_feedback"),
            "invoice/": (self.invoice_view, "vton_invoice"),
            "invoice.csv": (self.invoice_csv_view, "vton_invoice_csv"),
        }
        return [
            path(route, self.admin_site.admin_view(require(view)), name=name)
            for route, (view, name) in views.items()
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may view try-ons."""
        return bool(request.user.has_perm("vton.view_tryonrequest"))

    def reports_view(self, request: HttpRequest) -> HttpResponse:
        """Show all reports of a period."""
        period = periods.parse(request.GET.get("period", ""))
        span = (period.first, period.last)
        daily = reports.daily_report(*span)
        return self.render_page(
            request,
            "reports",
            title=_("Analytics"),
            period=period,
            choices=periods.choices(),
            budgets=budget_context(),
            chart=_chart(daily),
            days=[totals_row(totals) | {"day": day} for day, totals in reversed(daily.days.items())],
            total=totals_row(daily.total),
            tiles=_tiles(period, daily),
            failures=[
                _share_row(ERROR_LABELS.get(code, code), n, daily.total.failed)
                for code, n in daily.failures.most_common()
            ],
            flaws=[
                {"value": flaw, "label": TryOnImage.Flaw(flaw).label, "n": n}
                for flaw, n in reports.flaws(*span).most_common()
            ],
            funnel=_funnel(reports.funnel(*span)),
            feedback=_feedback(reports.feedback(*span)),
            products=[_product_row(row) for row in reports.top_products(*span)],
        )

    def days_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Download the table by day."""
        period = periods.parse(request.GET.get("period", ""))
        days = reports.daily_report(period.first, period.last).days
        rows = (_days_csv_row(day, totals) for day, totals in days.items())
        return csv_response(f"try-on-days-{period.first}-{period.last}.csv", DAYS_HEADER, rows)

    def feedback_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Download the feedback by product."""
        period = periods.parse(request.GET.get("period", ""))
        products = reports.feedback_by_product(period.first, period.last).iterator(chunk_size=CHUNK_SIZE)
        rows = ([row[name] for name in FEEDBACK_HEADER] for row in products)
        return csv_response(f"try-on-feedback-{period.first}-{period.last}.csv", FEEDBACK_HEADER, rows)


def _chart(daily: reports.DailyReport) -> dict[str, Any]:
    cap = next(budget.cap for budget in budget_statuses() if budget.kind == BudgetPeriod.Kind.DAY)
    bars = [
        chart.Bar(
            label=date_format(day, "MONTH_DAY_FORMAT"),
            tooltip=_("%(day)s: %(amount)s, %(n)d renders")
            % {"day": date_format(day), "amount": format_usd(totals.spent), "n": totals.renders},
            lower=totals.charged,
            upper=totals.assumed,
        )
        for day, totals in daily.days.items()
    ]
    context = chart.draw(bars, cap, format_usd, is_mirrored=get_language_bidi())
    return context | {"cap_label": format_usd(cap) if cap is not None else ""}


def _tiles(period: Period, daily: reports.DailyReport) -> list[tuple[str, str]]:
    """Return the key figures at the top of the page."""
    seconds = reports.waiting_times(period.first, period.last)
    return [
        (_("renders"), number_format(daily.total.renders, force_grouping=True)),
        (_("spent"), format_usd(daily.total.spent)),
        (_("success rate"), _percent(daily.total.success)),
        (_("time to result, median"), _seconds(reports.percentile(seconds, 0.5))),
        (_("time to result, 95th percentile"), _seconds(reports.percentile(seconds, 0.95))),
    ]


def _percent(share: float | None) -> str:
    # Round first, since `number_format` truncates.
    return "-" if share is None else _("%(n)s %%") % {"n": number_format(round(100 * share, 1), 1)}


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else _("%(n)s s") % {"n": number_format(round(seconds, 1), 1)}


def _share_row(label: Any, n: int, whole: int | None) -> dict[str, Any]:
    return {"label": label, "n": n, "share": _percent(n / whole) if whole else ""}


def _funnel(counts: reports.Funnel) -> list[dict[str, Any]]:
    """Return a row for each step. The last two have their share of the completed try-ons."""
    return [
        _share_row(_("requested by shoppers"), counts.requested, None),
        _share_row(_("completed"), counts.completed, None),
        _share_row(_("added to the basket"), counts.added, counts.completed),
        _share_row(_("bought"), counts.purchased, counts.completed),
    ]


def _feedback(counts: reports.Feedback) -> dict[str, Any]:
    """Return the likes and dislikes with their shares, and the reasons with their shares of the dislikes."""
    total = counts.likes + counts.dislikes
    values = [(_("likes"), counts.likes), (_("dislikes"), counts.dislikes)]
    reasons = _reasons(counts.reasons)
    if without_reason := counts.reasons[""]:
        reasons.append((_("no reason given"), without_reason))
    return {
        "values": [_share_row(label, n, total) for label, n in values if total],
        "reasons": [_share_row(label, n, counts.dislikes) for label, n in reasons],
    }


def _reasons(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the labels of the reasons with their counts, the most frequent first."""
    labels = TryOnRequest.FeedbackReason.choices
    found = [(str(label), n) for reason, label in labels if (n := counts[reason])]
    return sorted(found, key=lambda item: -item[1])


def _product_row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"title": row["title"] or row["product"], "reasons": _reasons(row)}


def _days_csv_row(day: Any, totals: reports.Totals) -> list[Any]:
    amounts = (totals.charged, totals.assumed, totals.free, totals.held)
    return [f"{day}", totals.renders, totals.completed, totals.failed, *map(usd, amounts)]
