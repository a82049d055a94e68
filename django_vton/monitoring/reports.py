"""The merchant's figures of some days: renders, money, waiting, products, and what came of them.

Money comes from the attempts, as it was booked: a price that changed since changes nothing here. Days are
the shop's; each query reads the days that are asked for, never the whole table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Case, CharField, Count, F, Max, Q, Sum, Value, When

from ..intake.feedback import DISLIKE, LIKE, REASONS
from ..models import Attempt, Conversion, TryOnRequest
from ..models.states import Money, State
from ..utils.periods import midnight

if TYPE_CHECKING:
    from django.db.models import QuerySet

SAMPLE = 10_000
"""Waiting times are those of so many renders at most, the newest of the days."""

TOP = 10

BOOKED = Case(
    When(money=Money.FREE, then=Value("free")),
    When(money=Money.HELD, then=Value("held")),
    When(answered_at__isnull=False, then=Value("charged")),
    default=Value("assumed"),
    output_field=CharField(),
)
"""What an attempt's money is. "assumed": spent, and the vendor never said how it ended."""

BY_SHOPPERS = Q(shopper__isnull=False) | Q(erased_at__isnull=False)
"""Not the renders of house models, which belong to nobody: who shares them is counted."""

OPINIONS: dict[str, Count] = {
    "likes": Count("pk", filter=Q(feedback=LIKE)),
    "dislikes": Count("pk", filter=Q(feedback=DISLIKE)),
    **{reason: Count("pk", filter=Q(feedback_reason=reason)) for reason in REASONS},
}
"""Likes, dislikes and the number of dislikes for each reason."""


@dataclass
class Sums:
    """Renders by the day on which they were asked for, and micro-USD by the day they are booked on."""

    renders: int = 0
    completed: int = 0
    failed: int = 0
    charged: int = 0
    assumed: int = 0
    free: int = 0
    held: int = 0

    @property
    def spent(self) -> int:
        """As the budget has it."""
        return self.charged + self.assumed

    @property
    def success(self) -> float | None:
        """The share that came to a picture, of those that ended in one or in a failure."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


@dataclass
class Books:
    """All of `days`, with their total, and why renders failed."""

    days: dict[date, Sums]
    total: Sums = field(default_factory=Sums)
    failures: Counter[str] = field(default_factory=Counter)


def all_days(first: date, last: date) -> Iterator[date]:
    """Each day from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _asked(first: date, last: date, path: str = "") -> Q:
    begins, ends = midnight(first), midnight(last + timedelta(days=1))
    return Q(**{f"{path}created_at__gte": begins, f"{path}created_at__lt": ends})


def books(first: date, last: date) -> Books:
    """Renders and money of each day, also of those without any; two queries."""
    found = Books({day: Sums() for day in all_days(first, last)})
    for group in _amounts(first, last):
        for sums in (found.days[group["budget_day"]], found.total):
            _add_amount(sums, group)
    for group in _renders(first, last):
        for sums in (found.days[group["budget_day"]], found.total):
            _add_renders(sums, group)
        if group["request__state"] == State.FAILED:
            found.failures[group["request__error_code"]] += group["renders"]
    return found


def spending(first: date, last: date) -> Sums:
    """The money of all these days together, and no renders; one query."""
    total = Sums()
    for group in _amounts(first, last):
        _add_amount(total, group)
    return total


def _amounts(first: date, last: date) -> Iterable[Mapping[str, Any]]:
    booked = Attempt.objects.filter(budget_day__range=(first, last)).order_by()
    return booked.values("budget_day", booked=BOOKED).annotate(micros=Sum("amount"))


def _renders(first: date, last: date) -> Iterable[Mapping[str, Any]]:
    # However often a render is sent, it is one. Its first attempt is made when it is asked for: that it was
    # asked for in these days, or shortly before, spares the database to look each up by its random id.
    asked = _asked(first - timedelta(days=1), last, "request__")
    firsts = Attempt.objects.filter(asked, budget_day__range=(first, last), number=1).order_by()
    return firsts.values("budget_day", "request__state", "request__error_code").annotate(renders=Count("pk"))


def _add_amount(sums: Sums, group: Mapping[str, Any]) -> None:
    setattr(sums, group["booked"], getattr(sums, group["booked"]) + group["micros"])


def _add_renders(sums: Sums, group: Mapping[str, Any]) -> None:
    sums.renders += group["renders"]
    if group["request__state"] == State.COMPLETED:
        sums.completed += group["renders"]
    elif group["request__state"] == State.FAILED:
        sums.failed += group["renders"]


def invoice(first: date, last: date) -> QuerySet[Attempt, Any]:
    """What was sent to the vendor, in that order; the sum is `spending`'s."""
    return (
        Attempt.objects.filter(budget_day__range=(first, last), posted_at__isnull=False)
        .order_by("budget_day", "posted_at", "pk")
        .values("vendor_id", "engine", "posted_at", "amount", "request_id", booked=BOOKED)
        .annotate(state=F("request__state"), error_code=F("request__error_code"))
    )


# Shoppers -------------------------------------------------------------------------------------------


def waiting(first: date, last: date) -> list[float]:
    """The seconds from the question to the picture, sorted: of the newest renders, `SAMPLE` at most."""
    rows = TryOnRequest.objects.filter(
        _asked(first, last), state=State.COMPLETED, source__isnull=True, finished_at__isnull=False
    ).order_by("-created_at")
    spans = rows.values_list("created_at", "finished_at")[:SAMPLE]
    return sorted((finished - created).total_seconds() for created, finished in spans if finished)


def percentile(values: list[float], share: float) -> float | None:
    """The smallest of the sorted values that so large a share does not exceed; None without any."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


@dataclass(frozen=True)
class Funnel:
    """Try-ons of shoppers, and how far they came until now."""

    asked: int
    completed: int
    added: int
    purchased: int


def funnel(first: date, last: date) -> Funnel:
    """Each try-on counts once, however many pieces were bought; by the day on which it was asked for."""
    rows = TryOnRequest.objects.filter(_asked(first, last), BY_SHOPPERS)
    counts = rows.aggregate(asked=Count("pk"), completed=Count("pk", filter=Q(state=State.COMPLETED)))
    kinds = _converted(first, last).values_list("kind").annotate(n=Count("request", distinct=True))
    return Funnel(**counts, **{"added": 0, "purchased": 0, **dict(kinds)})


def _converted(first: date, last: date) -> QuerySet[Conversion]:
    """Of the try-ons of these days; none is older than its try-on."""
    return Conversion.objects.filter(_asked(first, last, "request__"), at__gte=midnight(first)).order_by()


@dataclass
class Feedback:
    """How many shoppers liked their result, how many did not, and for which reasons."""

    likes: int = 0
    dislikes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def feedback(first: date, last: date) -> Feedback:
    """The feedback on the try-ons of these days, until now; erasing a try-on erases its feedback too."""
    found = Feedback()
    groups = _judged(first, last).values_list("feedback", "feedback_reason").annotate(n=Count("pk"))
    for value, reason, n in groups:
        if value == LIKE:
            found.likes += n
        else:
            found.dislikes += n
            found.reasons[reason] += n
    return found


def feedback_by_product(first: date, last: date) -> QuerySet[TryOnRequest, Any]:
    """The same for each product, the one with the most dislikes first."""
    groups = _judged(first, last).values("product").annotate(title=Max("product_title"), **OPINIONS)
    return groups.order_by(F("dislikes").desc(), "product")


def _judged(first: date, last: date) -> QuerySet[TryOnRequest]:
    return TryOnRequest.objects.filter(_asked(first, last)).exclude(feedback="").order_by()


def top_products(first: date, last: date) -> list[dict[str, Any]]:
    """The products that shoppers tried on most, with how many of the try-ons came how far and were liked."""
    rows = TryOnRequest.objects.filter(_asked(first, last), BY_SHOPPERS).order_by()
    found = list(
        rows.values("product")
        .annotate(
            asked=Count("pk"),
            completed=Count("pk", filter=Q(state=State.COMPLETED)),
            title=Max("product_title"),
            **OPINIONS,
        )
        .order_by("-asked", "product")[:TOP]
    )
    converted = _converted(first, last).filter(request__product__in=[row["product"] for row in found])
    counts = converted.values_list("request__product", "kind").annotate(n=Count("request", distinct=True))
    by_product = {(product, kind): n for product, kind, n in counts}
    return [
        row | {kind: by_product.get((row["product"], kind), 0) for kind in Conversion.Kind.values}
        for row in found
    ]
