"""The state of try-on as metrics for Prometheus, read from the database. It needs the extra `prometheus`.

All processes give the same answer, and no count is lost with one of them. Ended try-ons are counted over the
last minutes, in gauges, and not since the beginning: such a query reads the rows of a day at most. A counter
would also decrease if a try-on is reopened, which Prometheus takes for a restart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.db.models import Count, Min, QuerySet
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from ..billing.budget import budget_statuses
from ..conf import MICROS_PER_USD
from ..gateway import circuit_breaker
from ..gateway.engines import engines
from ..health.facts import FACTS
from ..health.outcomes import OUTCOME_UNKNOWN
from ..models import Attempt, GatewayState, TryOnRequest
from ..models.states import TERMINAL, State
from ..queue import dispatcher_leases, liveness
from ..utils import clock
from ..utils.periods import today
from .reports import percentile

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

WINDOW = timedelta(minutes=5)
"""The time over which ended try-ons and submits are counted. The names of these metrics end in `_5m`."""

MAX_AGE = timedelta(days=1)
"""The age at which a try-on that ends is not counted any more, so that an index finds the others."""

SAMPLE = 1_000
"""The maximum number of completed renders, newest first, whose durations are read."""

Rows = Iterable[tuple[Mapping[str, str], float]]


def exposition() -> bytes:
    """Return all metrics in the text format of Prometheus. Raise `DatabaseError` if they cannot be read."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    return generate_latest(registry)


class _Collector(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = clock.now()
        for read in (_health, _queue, _workers, _engines, _budget, _unknown_outcomes):
            yield from read(now)
        for read in (_ended, _durations, _submits):
            yield from read(now)


def _gauge(name: str, text: str, rows: Rows) -> GaugeMetricFamily:
    rows = list(rows)
    labels = list(rows[0][0]) if rows else []
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(list(values.values()), number)
    return family


def _health(_now: datetime) -> Iterator[GaugeMetricFamily]:
    checks: dict[str, bool] = {}
    is_open = True
    for find in FACTS:
        facts = list(find())
        checks |= {find.__name__: True} if not facts else {fact.check: True for fact in facts}
        checks |= {fact.check: False for fact in facts if fact.cause and not fact.is_warning}
        is_open = is_open and not any(fact.refusal and not fact.engine for fact in facts)
    yield _gauge("vton_orders_accepted", "Whether the shop accepts try-ons.", [({}, is_open)])
    yield _gauge(
        "vton_check_ok",
        "Whether a check of vton_doctor that reads the database is ok.",
        (({"check": name}, ok) for name, ok in checks.items()),
    )


def _queue(now: datetime) -> Iterator[GaugeMetricFamily]:
    scheduled = TryOnRequest.objects.scheduled()
    groups = scheduled.order_by().values_list("engine", "state").annotate(n=Count("pk"))
    yield _gauge(
        "vton_active_try_ons",
        "Try-ons that have not ended, without those that share the render of another one.",
        (({"engine": engine, "state": state}, n) for engine, state, n in groups),
    )
    oldest = scheduled.aggregate(at=Min("due_at"))["at"]
    late = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
    yield _gauge("vton_oldest_due_seconds", "For how long the oldest due try-on has been due.", [({}, late)])


def _workers(now: datetime) -> Iterator[GaugeMetricFamily]:
    seen = liveness.last_seen()
    ages = [] if seen is None else [max(0.0, (now - seen).total_seconds())]
    text = "The time since a worker was last seen, if one ever was."
    yield _gauge("vton_worker_seen_seconds", text, (({}, age) for age in ages))
    running = dispatcher_leases.count_held()
    yield _gauge("vton_dispatchers", "Dispatchers that are running.", [({}, running)])


def _engines(now: datetime) -> Iterator[GaugeMetricFamily]:
    states = dict(GatewayState.objects.filter(engine__in=engines()).values_list("engine", "breaker"))
    paused = set(circuit_breaker.paused_engines(now))
    yield _gauge(
        "vton_breaker_open",
        "Whether the circuit breaker of an engine is open: no submit succeeds.",
        (({"engine": engine}, bool(states.get(engine))) for engine in engines()),
    )
    yield _gauge(
        "vton_submits_paused",
        "Whether nothing is submitted to an engine now.",
        (({"engine": engine}, engine in paused) for engine in engines()),
    )


def _budget(now: datetime) -> Iterator[GaugeMetricFamily]:
    statuses = budget_statuses(now)
    for name, text in (
        ("spent", "What today and this month have cost, in USD."),
        ("held", "What is reserved for running try-ons, in USD."),
        ("cap", "The caps of DAILY_BUDGET and MONTHLY_BUDGET in USD, where there are any."),
    ):
        amounts = ((status.kind, getattr(status, name)) for status in statuses)
        yield _gauge(
            f"vton_budget_{name}_usd",
            text,
            (({"period": kind}, micros / MICROS_PER_USD) for kind, micros in amounts if micros is not None),
        )


def _unknown_outcomes(_now: datetime) -> Iterator[GaugeMetricFamily]:
    unresolved = TryOnRequest.objects.filter(OUTCOME_UNKNOWN).count()
    text = "Try-ons with an unknown outcome that no operator has resolved."
    yield _gauge("vton_unknown_outcomes", text, [({}, unresolved)])


def _ended_recently(now: datetime) -> QuerySet[TryOnRequest]:
    recent = TryOnRequest.objects.filter(created_at__gte=now - MAX_AGE, finished_at__gte=now - WINDOW)
    return recent.filter(state__in=TERMINAL)


def _ended(now: datetime) -> Iterator[GaugeMetricFamily]:
    groups = _ended_recently(now).order_by().values_list("engine", "state", "error_code")
    yield _gauge(
        "vton_try_ons_5m",
        "Try-ons that ended in the last five minutes.",
        (
            ({"engine": engine, "outcome": state, "error": code}, n)
            for engine, state, code, n in groups.annotate(n=Count("pk"))
        ),
    )


def _durations(now: datetime) -> Iterator[GaugeMetricFamily]:
    """Phases by the columns of the rows, so a try-on that was sent again has its last submit's."""
    rows = _ended_recently(now).filter(state=State.COMPLETED, source__isnull=True).order_by("-created_at")
    found: dict[str, list[float]] = defaultdict(list)
    times = ("created_at", "started_at", "rendered_at", "finished_at")
    for created, started, rendered, finished in rows.values_list(*times)[:SAMPLE]:
        spans = {"total": (created, finished), "queue": (created, started)}
        spans |= {"vendor": (started, rendered), "download": (rendered, finished)}
        for name, (begins, ends) in spans.items():
            if begins is not None and ends is not None:
                found[name].append((ends - begins).total_seconds())
    for percent in (50, 95):
        yield _gauge(
            f"vton_try_on_p{percent}_seconds_5m",
            f"What {percent} % of the renders that completed in the last five minutes took at most.",
            (
                ({"phase": name}, percentile(sorted(seconds), percent / 100) or 0)
                for name, seconds in found.items()
            ),
        )


def _submits(now: datetime) -> Iterator[GaugeMetricFamily]:
    """Attempts of yesterday count too: after midnight, their renders still wait or are sent again."""
    recent = Attempt.objects.filter(budget_day__gte=today(now) - MAX_AGE, posted_at__gte=now - WINDOW)
    groups = recent.order_by().values_list("engine", "outcome", "http_status").annotate(n=Count("pk"))
    yield _gauge(
        "vton_submits_5m",
        "Paid calls to the vendor that were claimed in the last five minutes.",
        (
            ({"engine": engine, "outcome": outcome or "running", "status": str(status or "")}, n)
            for engine, outcome, status, n in groups
        ),
    )
