"""The merchant's reports for a range of days: renders, costs, waiting times, products and conversions.

Costs are the amounts stored with the attempts, so a later price change does not alter them. Days are in the
shop's time zone. Each query reads only the rows of the requested days.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    ExpressionWrapper,
    F,
    Max,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from ..intake.feedback import DISLIKE, LIKE, REASONS
from ..models import Attempt, Conversion, TryOnImage, TryOnRequest
from ..models.states import Money, State
from ..pixazo import SubmitOutcome
from ..utils.periods import start_of_day

SAMPLE = 10_000
"""The maximum number of renders, newest first, that `waiting_times` reads."""

TOP = 10
"""The maximum number of products that `top_products` returns."""

BOOKED = Case(
    When(money=Money.FREE, then=Value("free")),
    When(money=Money.HELD, then=Value("held")),
    When(answered_at__isnull=False, then=Value("charged")),
    default=Value("assumed"),
    output_field=CharField(),
)
"""How an attempt's amount is booked. "assumed" counts as spent, although the outcome is unknown."""

BY_SHOPPERS = Q(shopper__isnull=False) | Q(erased_at__isnull=False)
"""Selects shoppers' try-ons, erased ones included, but not the merchant's renders on house models."""

OPINIONS: dict[str, Count] = {
    "likes": Count("pk", filter=Q(feedback=LIKE)),
    "dislikes": Count("pk", filter=Q(feedback=DISLIKE)),
    **{reason: Count("pk", filter=Q(feedback_reason=reason)) for reason in REASONS},
}
"""Likes, dislikes and the number of dislikes for each reason."""


@dataclass
class Totals:
    """Numbers of renders, by the day of the order, and amounts in micro-USD, by the day of the booking."""

    renders: int = 0
    completed: int = 0
    failed: int = 0
    charged: int = 0
    assumed: int = 0
    free: int = 0
    held: int = 0

    @property
    def spent(self) -> int:
        """The micro-USD that count as spent in the budget."""
        return self.charged + self.assumed

    @property
    def success(self) -> float | None:
        """The share (0 to 1) of completed renders among those that have ended; None if none has."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


@dataclass
class DailyReport:
    """The totals of each day and of all days, and the number of failed renders by error code."""

    days: dict[date, Totals]
    total: Totals = field(default_factory=Totals)
    failures: Counter[str] = field(default_factory=Counter)


def _created_between(first: date, last: date, path: str = "") -> Q:
    begins, ends = start_of_day(first), start_of_day(last + timedelta(days=1))
    return Q(**{f"{path}created_at__gte": begins, f"{path}created_at__lt": ends})


def daily_report(first: date, last: date) -> DailyReport:
    """Return the renders and costs of each day, including days without any. Takes two queries."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    report = DailyReport({day: Totals() for day in days})
    for group in _amounts(first, last):
        for totals in (report.days[group["budget_day"]], report.total):
            _add_amount(totals, group)
    # A render that is sent several times counts once, by its first attempt. That attempt is created with the
    # request, so filtering on the request's date as well saves the database a look-up by random id per row.
    ordered = _created_between(first - timedelta(days=1), last, "request__")
    firsts = Attempt.objects.filter(ordered, budget_day__range=(first, last), number=1).order_by()
    groups = firsts.values_list("budget_day", "request__state", "request__error_code")
    for day, state, error_code, n in groups.annotate(n=Count("pk")):
        for totals in (report.days[day], report.total):
            totals.renders += n
            totals.completed += n if state == State.COMPLETED else 0
            totals.failed += n if state == State.FAILED else 0
        if state == State.FAILED:
            report.failures[error_code] += n
    return report


def spending(first: date, last: date) -> Totals:
    """Return the total costs of these days, without the numbers of renders. Takes one query."""
    total = Totals()
    for group in _amounts(first, last):
        _add_amount(total, group)
    return total


def _amounts(first: date, last: date) -> Iterable[Mapping[str, Any]]:
    booked = Attempt.objects.filter(budget_day__range=(first, last)).order_by()
    return booked.values("budget_day", booked=BOOKED).annotate(micros=Sum("amount"))


def _add_amount(totals: Totals, group: Mapping[str, Any]) -> None:
    setattr(totals, group["booked"], getattr(totals, group["booked"]) + group["micros"])


def invoice(first: date, last: date) -> QuerySet[Attempt, Any]:
    """Return a dict for each attempt of these days that was sent to the vendor, in the order of sending.

    An attempt whose connection failed was claimed, but nothing left the machine. See `attempt_outcome`.
    """
    is_current = ExpressionWrapper(Q(number=F("request__current_attempt_number")), BooleanField())
    rows: QuerySet[Attempt, Any] = (
        Attempt.objects.filter(budget_day__range=(first, last), posted_at__isnull=False)
        .exclude(outcome=SubmitOutcome.NOT_SENT)
        .order_by("budget_day", "posted_at", "pk")
        .values(
            *("vendor_id", "engine", "posted_at", "amount", "request_id", "outcome", "http_status", "flaw"),
            booked=BOOKED,
        )
        .annotate(state=F("request__state"), error_code=F("request__error_code"), is_current=is_current)
    )
    return rows


def attempt_outcome(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the outcome of a row of `invoice`: "refused" or a state, and an error code, HTTP status or "".

    The state of the try-on is that of its current attempt. Another attempt ended without an image.
    """
    status = f"HTTP {row['http_status']}" if row["http_status"] else ""
    if row["outcome"] == SubmitOutcome.REFUSED and not row["vendor_id"]:
        return "refused", status
    if row["is_current"]:
        return row["state"], row["error_code"]
    if row["outcome"] == SubmitOutcome.ACCEPTED:
        return State.FAILED.value, ""
    return State.UNKNOWN.value, status


def claims(first: date, last: date) -> QuerySet[Attempt, Any]:
    """Return the rows of `invoice` whose result was the unchanged photo, for a claim against the vendor."""
    return invoice(first, last).filter(flaw=TryOnImage.Flaw.UNCHANGED)


def flaws(first: date, last: date) -> Counter[str]:
    """Return the number of the renders of these days with each flaw. Erased renders count too."""
    rows = Attempt.objects.filter(budget_day__range=(first, last), flaw__in=TryOnImage.Flaw.values)
    return Counter(dict(rows.order_by().values_list("flaw").annotate(n=Count("pk"))))


def waiting_times(first: date, last: date) -> list[float]:
    """Return the seconds from order to result of the newest `SAMPLE` completed renders, sorted."""
    rows = TryOnRequest.objects.filter(
        _created_between(first, last), state=State.COMPLETED, source__isnull=True, finished_at__isnull=False
    ).order_by("-created_at")
    spans = rows.values_list("created_at", "finished_at")[:SAMPLE]
    return sorted((finished - created).total_seconds() for created, finished in spans if finished)


def percentile(values: list[float], share: float) -> float | None:
    """Return the value below which this share (0 to 1) of the sorted values lies; None if there are none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


@dataclass(frozen=True)
class Funnel:
    """The number of try-ons that shoppers requested, and how many of them reached each later step."""

    requested: int
    completed: int
    added: int
    purchased: int


def funnel(first: date, last: date) -> Funnel:
    """Return the funnel of the try-ons requested on these days. Each try-on counts once per step."""
    rows = TryOnRequest.objects.filter(_created_between(first, last), BY_SHOPPERS)
    counts = rows.aggregate(requested=Count("pk"), completed=Count("pk", filter=Q(state=State.COMPLETED)))
    kinds = _converted(first, last).values_list("kind").annotate(n=Count("request", distinct=True))
    return Funnel(**counts, **{"added": 0, "purchased": 0, **dict(kinds)})


def _converted(first: date, last: date) -> QuerySet[Conversion]:
    """Return the conversions of these days' try-ons."""
    # No conversion is older than its try-on, so the date narrows both tables.
    return Conversion.objects.filter(
        _created_between(first, last, "request__"), at__gte=start_of_day(first)
    ).order_by()


@dataclass(frozen=True)
class Feedback:
    """The number of likes and dislikes, and the number of dislikes by reason ("" if none was given)."""

    likes: int
    dislikes: int
    reasons: Mapping[str, int]


def feedback(first: date, last: date) -> Feedback:
    """Return the feedback on the try-ons of these days. Erased try-ons have none."""
    counts: dict[str, int] = _with_feedback(first, last).aggregate(**OPINIONS)
    likes, dislikes = counts.pop("likes"), counts.pop("dislikes")
    return Feedback(likes, dislikes, counts | {"": dislikes - sum(counts.values())})


def feedback_by_product(first: date, last: date) -> QuerySet[TryOnRequest, Any]:
    """Return the feedback on each product as dicts, the most disliked product first."""
    groups = _with_feedback(first, last).values("product").annotate(title=Max("product_title"), **OPINIONS)
    return groups.order_by(F("dislikes").desc(), "product")


def _with_feedback(first: date, last: date) -> QuerySet[TryOnRequest]:
    return TryOnRequest.objects.filter(_created_between(first, last)).exclude(feedback="").order_by()


def top_products(first: date, last: date) -> list[dict[str, Any]]:
    """Return the products with the most try-ons, each with its funnel and feedback."""
    rows = TryOnRequest.objects.filter(_created_between(first, last), BY_SHOPPERS).order_by()
    found = list(
        rows.values("product")
        .annotate(
            requested=Count("pk"),
            completed=Count("pk", filter=Q(state=State.COMPLETED)),
            title=Max("product_title"),
            **OPINIONS,
        )
        .order_by("-requested", "product")[:TOP]
    )
    converted = _converted(first, last).filter(request__product__in=[row["product"] for row in found])
    counts = converted.values_list("request__product", "kind").annotate(n=Count("request", distinct=True))
    by_product = {(product, kind): n for product, kind, n in counts}
    return [
        row | {kind: by_product.get((row["product"], kind), 0) for kind in Conversion.Kind.values}
        for row in found
    ]
