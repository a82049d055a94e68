"""The reports page, the invoice check of a month, and their CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language_bidi, gettext_lazy
from django.utils.translation import gettext as _

from ..billing.budget import budget_statuses
from ..conf import config
from ..intake.feedback import REASONS
from ..models import BudgetPeriod, Conversion, TryOnRequest
from ..models.states import State
from ..monitoring import reports
from ..utils.money import format_usd
from . import chart, csv_response, display, periods
from .base import ReadOnlyAdmin
from .budget_status import budget_context
from .periods import Period

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MAX_LISTED = 100
"""How many of a month's renders the page lists; the file has all of them."""

CHUNK_SIZE = 2000

BILLING_LABELS: dict[str, _StrPromise] = {
    "charged": gettext_lazy("charged"),
    "assumed": gettext_lazy("assumed charged"),
    "free": gettext_lazy("free"),
    "held": gettext_lazy("held"),
}
DAYS_HEADER = (
    *("day", "renders", "completed", "failed"),
    *("charged_usd", "assumed_charged_usd", "free_usd", "held_usd"),
)
FEEDBACK_HEADER = ("product", "title", "likes", "dislikes", *REASONS)
INVOICE_HEADER = ("vendor_id", "engine", "sent_at", "amount_usd", "outcome", "booked", "try_on")


@admin.register(Conversion)
class ReportsAdmin(ReadOnlyAdmin):
    """The reports in place of a list of conversions: what try-on achieves and what it costs."""

    def get_urls(self) -> list[URLPattern]:
        """Return two pages and their files; the admin index links to the change list."""
        views = {
            "": (self.reports_view, "vton_conversion_changelist"),
            "days.csv": (self.days_view, "vton_reports_days"),
            "feedback.csv": (self.feedback_view, "vton_reports_feedback"),
            "invoice/": (self.invoice_view, "vton_invoice"),
            "invoice.csv": (self.invoice_csv_view, "vton_invoice_csv"),
        }
        return [
            path(route, self.admin_site.admin_view(view), name=name) for route, (view, name) in views.items()
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """All staff who may view try-ons."""
        return bool(request.user.has_perm("vton.view_tryonrequest"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """All staff who may view try-ons."""
        return self.has_view_permission(request)

    def reports_view(self, request: HttpRequest) -> HttpResponse:
        """Show all reports of a period."""
        period = periods.parse(request.GET.get("period", ""))
        span = (period.first, period.last)
        daily = reports.daily_report(*span)
        return self._page(
            request,
            "admin/vton/reports.html",
            _("Try-on reports"),
            period,
            choices=periods.choices(),
            budgets=budget_context(),
            chart=_chart(daily),
            days=[_totals_row(totals) | {"day": day} for day, totals in reversed(daily.days.items())],
            total=_totals_row(daily.total),
            tiles=_tiles(period, daily),
            failures=_failures(daily),
            funnel=_funnel(reports.funnel(*span)),
            feedback=_feedback(reports.feedback(*span)),
            products=[_product_row(row) for row in reports.top_products(*span)],
        )

    def days_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Download the table of the days."""
        self._require(request)
        period = periods.parse(request.GET.get("period", ""))
        days = reports.daily_report(period.first, period.last).days
        rows = (_days_csv_row(day, totals) for day, totals in days.items())
        return csv_response.csv_response(f"try-on-days-{period.first}-{period.last}.csv", DAYS_HEADER, rows)

    def feedback_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Download the feedback by product."""
        self._require(request)
        period = periods.parse(request.GET.get("period", ""))
        products = reports.feedback_by_product(period.first, period.last).iterator(chunk_size=CHUNK_SIZE)
        rows = ([row[name] for name in FEEDBACK_HEADER] for row in products)
        return csv_response.csv_response(
            f"try-on-feedback-{period.first}-{period.last}.csv", FEEDBACK_HEADER, rows
        )

    def invoice_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the vendor should have charged in a month."""
        period = periods.parse_month(request.GET.get("period", "")) or periods.this_month()
        rows = list(reports.invoice(period.first, period.last)[: MAX_LISTED + 1])
        return self._page(
            request,
            "admin/vton/invoice.html",
            _("Invoice check"),
            period,
            choices=periods.months(),
            total=_totals_row(reports.spending(period.first, period.last)),
            rows=[_invoice_row(row) for row in rows[:MAX_LISTED]],
            listed=MAX_LISTED if len(rows) > MAX_LISTED else None,
        )

    def invoice_csv_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Download all renders of the month, read from the database while they are sent."""
        self._require(request)
        period = periods.parse_month(request.GET.get("period", "")) or periods.this_month()
        rows = reports.invoice(period.first, period.last).iterator(chunk_size=CHUNK_SIZE)
        return csv_response.csv_response(
            f"try-on-{period.value}.csv", INVOICE_HEADER, _invoice_csv_rows(rows)
        )

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(
        self, request: HttpRequest, template: str, title: str, period: Period, **more: Any
    ) -> TemplateResponse:
        self._require(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": title,
            "period": period,
            **more,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context)


def _totals_row(totals: reports.Totals) -> dict[str, Any]:
    """Format counts and amounts; a zero amount is a dash."""
    row: dict[str, Any] = {name: getattr(totals, name) for name in ("renders", "completed", "failed")}
    for name in ("charged", "assumed", "free", "held", "spent"):
        micros = getattr(totals, name)
        row[name] = format_usd(micros) if micros else "-"
    return row


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


def _failures(daily: reports.DailyReport) -> list[dict[str, Any]]:
    failed = daily.total.failed
    return [
        _share_row(display.ERROR_LABELS.get(code, code), n, failed)
        for code, n in daily.failures.most_common()
    ]


def _funnel(counts: reports.Funnel) -> list[dict[str, Any]]:
    """Return the steps; the last two with their share of the completed try-ons."""
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
    """Return the given reasons with their labels, the most frequent first."""
    labels = TryOnRequest.FeedbackReason.choices
    found = [(str(label), n) for reason, label in labels if (n := counts[reason])]
    return sorted(found, key=lambda item: -item[1])


def _product_row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"title": row["title"] or row["product"], "reasons": _reasons(row)}


def _outcome(row: dict[str, Any]) -> str:
    label = str(State(row["state"]).label)
    reason = display.ERROR_LABELS.get(row["error_code"], row["error_code"])
    return f"{label}: {reason}" if reason and row["state"] == State.FAILED else label


def _invoice_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "vendor_id": row["vendor_id"],
        "engine": row["engine"],
        "sent": timezone.localtime(row["posted_at"], config.time_zone),
        "amount": format_usd(row["amount"]),
        "outcome": _outcome(row),
        "booked": BILLING_LABELS[row["booked"]],
        "is_free": row["booked"] == "free",
        "url": reverse("admin:vton_tryonrequest_change", args=[row["request_id"]]),
        "short_id": str(row["request_id"])[:8],
    }


def _days_csv_row(day: Any, totals: reports.Totals) -> list[Any]:
    amounts = (totals.charged, totals.assumed, totals.free, totals.held)
    return [f"{day}", totals.renders, totals.completed, totals.failed, *map(csv_response.usd, amounts)]


def _invoice_csv_rows(rows: Iterator[dict[str, Any]]) -> Iterator[list[Any]]:
    """Yield untranslated values, since another program may read the file."""
    zone = config.time_zone
    for row in rows:
        outcome = row["state"] + (f": {row['error_code']}" if row["error_code"] else "")
        sent = row["posted_at"].astimezone(zone)
        yield [
            row["vendor_id"] or "",
            row["engine"],
            f"{sent:%Y-%m-%d %H:%M:%S}",
            csv_response.usd(row["amount"]),
            outcome,
            row["booked"],
            str(row["request_id"]),
        ]
