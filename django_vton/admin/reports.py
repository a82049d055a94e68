"""The figures on one page, with its table and the vendor's month as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language_bidi, gettext_lazy
from django.utils.translation import gettext as _

from ..billing.budget_status import budget_statuses
from ..conf import config
from ..intake.feedback import REASONS
from ..models import BudgetPeriod, Conversion, TryOnRequest
from ..models.states import State
from ..monitoring import reports
from ..utils.money import usd
from . import budget_status, chart, display, export, periods
from .base import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
    from django.urls import URLPattern
    from django.utils.functional import _StrPromise

    from .periods import Period

LISTED = 100
"""So many of a month's renders are on the page; the file has all of them."""

CHUNK = 2000

BOOKED_WORDS: dict[str, _StrPromise] = {
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
class FiguresAdmin(ReadOnlyAdmin):
    """In place of a list of conversions, what try-on does for the shop and what it costs."""

    def get_urls(self) -> list[URLPattern]:
        """Two pages and their files; Django's index finds the first as the list of conversions."""
        views = {
            "": (self.figures_view, "vton_conversion_changelist"),
            "days.csv": (self.days_view, "vton_figures_days"),
            "feedback.csv": (self.feedback_view, "vton_figures_feedback"),
            "invoice/": (self.invoice_view, "vton_invoice"),
            "invoice.csv": (self.invoice_file_view, "vton_invoice_file"),
        }
        return [
            path(address, self.admin_site.admin_view(view), name=name)
            for address, (view, name) in views.items()
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For all who may look at try-ons."""
        return bool(request.user.has_perm("vton.view_tryonrequest"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return self.has_view_permission(request)

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        """All of a period."""
        period = periods.of(request.GET.get("period", ""))
        span = (period.first, period.last)
        books = reports.books(*span)
        return self._page(
            request,
            "admin/vton/figures.html",
            period,
            choices=periods.choices(),
            budgets=budget_status.shown(),
            chart=_chart(books),
            days=[_row(sums) | {"day": day} for day, sums in reversed(books.days.items())],
            total=_row(books.total),
            tiles=_tiles(period, books),
            failures=_failures(books),
            funnel=_funnel(reports.funnel(*span)),
            feedback=_feedback(reports.feedback(*span)),
            products=[_product(row) for row in reports.top_products(*span)],
        )

    def days_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """The table of the days."""
        self._require(request)
        period = periods.of(request.GET.get("period", ""))
        rows = (_days_line(day, sums) for day, sums in reports.books(period.first, period.last).days.items())
        return export.download(f"try-on-days-{period.first}-{period.last}.csv", DAYS_HEADER, rows)

    def feedback_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Feedback by product."""
        self._require(request)
        period = periods.of(request.GET.get("period", ""))
        products = reports.feedback_by_product(period.first, period.last).iterator(chunk_size=CHUNK)
        rows = ([row[name] for name in FEEDBACK_HEADER] for row in products)
        return export.download(f"try-on-feedback-{period.first}-{period.last}.csv", FEEDBACK_HEADER, rows)

    def invoice_view(self, request: HttpRequest) -> HttpResponse:
        """A month as the vendor should have charged it."""
        period = periods.month(request.GET.get("period", "")) or periods.this_month()
        rows = list(reports.invoice(period.first, period.last)[: LISTED + 1])
        return self._page(
            request,
            "admin/vton/invoice.html",
            period,
            choices=periods.months(),
            total=_row(reports.spending(period.first, period.last)),
            rows=[_invoice_row(row) for row in rows[:LISTED]],
            listed=LISTED if len(rows) > LISTED else None,
        )

    def invoice_file_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """The same as a file, read from the database as it is sent."""
        self._require(request)
        period = periods.month(request.GET.get("period", "")) or periods.this_month()
        rows = reports.invoice(period.first, period.last).iterator(chunk_size=CHUNK)
        return export.download(f"try-on-{period.value}.csv", INVOICE_HEADER, _invoice_lines(rows))

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(self, request: HttpRequest, template: str, period: Period, **more: Any) -> TemplateResponse:
        self._require(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": _("Figures of try-on") if "chart" in more else _("A month beside the invoice"),
            "period": period,
            **more,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context)


def _row(sums: reports.Sums) -> dict[str, Any]:
    """Counts and amounts as people read them; nothing is a dash."""
    found: dict[str, Any] = {name: getattr(sums, name) for name in ("renders", "completed", "failed")}
    for name in ("charged", "assumed", "free", "held", "spent"):
        micros = getattr(sums, name)
        found[name] = usd(micros) if micros else "-"
    return found


def _chart(books: reports.Books) -> dict[str, Any]:
    cap = next(budget.cap for budget in budget_statuses() if budget.kind == BudgetPeriod.Kind.DAY)
    bars = [
        chart.Bar(
            label=date_format(day, "MONTH_DAY_FORMAT"),
            words=_("%(day)s: %(amount)s, %(n)d renders")
            % {"day": date_format(day), "amount": usd(sums.spent), "n": sums.renders},
            lower=sums.charged,
            upper=sums.assumed,
        )
        for day, sums in books.days.items()
    ]
    drawn = chart.draw(bars, cap, usd, is_mirrored=get_language_bidi())
    return drawn | {"cap_words": usd(cap) if cap is not None else ""}


def _tiles(period: Period, books: reports.Books) -> list[tuple[str, str]]:
    """The figures that one looks for first."""
    waits = reports.waiting(period.first, period.last)
    return [
        (_("renders"), number_format(books.total.renders, force_grouping=True)),
        (_("spent"), usd(books.total.spent)),
        (_("success rate"), _percent(books.total.success)),
        (_("time to result, median"), _seconds(reports.percentile(waits, 0.5))),
        (_("time to result, 95 of 100 within"), _seconds(reports.percentile(waits, 0.95))),
    ]


def _percent(share: float | None) -> str:
    # Rounded here: `number_format` cuts off.
    return "-" if share is None else _("%(n)s %%") % {"n": number_format(round(100 * share, 1), 1)}


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else _("%(n)s s") % {"n": number_format(round(seconds, 1), 1)}


def _failures(books: reports.Books) -> list[dict[str, Any]]:
    return [
        {
            "words": display.ERROR_WORDS.get(code, code),
            "n": n,
            "share": _percent(n / books.total.failed),
        }
        for code, n in books.failures.most_common()
    ]


def _funnel(counts: reports.Funnel) -> list[dict[str, Any]]:
    """Each step with its share of the pictures that shoppers got."""
    steps = [
        (_("asked for by shoppers"), counts.asked, None),
        (_("completed"), counts.completed, None),
        (_("added to the basket"), counts.added, counts.completed),
        (_("bought"), counts.purchased, counts.completed),
    ]
    return [{"words": words, "n": n, "share": _percent(n / of) if of else ""} for words, n, of in steps]


def _feedback(counts: reports.Feedback) -> dict[str, Any]:
    """Likes and dislikes with their shares, then the reasons with their shares of the dislikes."""
    given = counts.likes + counts.dislikes
    values = [(_("likes"), counts.likes), (_("dislikes"), counts.dislikes)]
    reasons = _reasons(counts.reasons)
    if none := counts.reasons[""]:
        reasons.append((_("no reason given"), none))
    return {
        "opinions": [{"words": words, "n": n, "share": _percent(n / given)} for words, n in values if given],
        "reasons": [{"words": words, "n": n, "share": _percent(n / counts.dislikes)} for words, n in reasons],
    }


def _reasons(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The reasons that were given, in words, the most frequent first."""
    labels = TryOnRequest.FeedbackReason.choices
    found = [(str(label), n) for reason, label in labels if (n := counts[reason])]
    return sorted(found, key=lambda each: -each[1])


def _product(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"title": row["title"] or row["product"], "reasons": _reasons(row)}


def _outcome(row: dict[str, Any]) -> str:
    label = str(State(row["state"]).label)
    why = display.ERROR_WORDS.get(row["error_code"], row["error_code"])
    return f"{label}: {why}" if why and row["state"] == State.FAILED else label


def _invoice_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "vendor_id": row["vendor_id"],
        "engine": row["engine"],
        "sent": timezone.localtime(row["posted_at"], config.time_zone),
        "amount": usd(row["amount"]),
        "outcome": _outcome(row),
        "booked": BOOKED_WORDS[row["booked"]],
        "is_free": row["booked"] == "free",
        "url": reverse("admin:vton_tryonrequest_change", args=[row["request_id"]]),
        "short": str(row["request_id"])[:8],
    }


def _days_line(day: Any, sums: reports.Sums) -> list[Any]:
    amounts = (sums.charged, sums.assumed, sums.free, sums.held)
    return [f"{day}", sums.renders, sums.completed, sums.failed, *map(export.amount, amounts)]


def _invoice_lines(rows: Iterator[dict[str, Any]]) -> Iterator[list[Any]]:
    """Plain words that stay the same in every language: another program may read them."""
    zone = config.time_zone
    for row in rows:
        outcome = row["state"] + (f": {row['error_code']}" if row["error_code"] else "")
        sent = row["posted_at"].astimezone(zone)
        yield [
            row["vendor_id"] or "",
            row["engine"],
            f"{sent:%Y-%m-%d %H:%M:%S}",
            export.amount(row["amount"]),
            outcome,
            row["booked"],
            str(row["request_id"]),
        ]
