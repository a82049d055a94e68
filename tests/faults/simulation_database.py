"""The simulation's view of the database, and the times at which something becomes due."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection

from django_vton.conf import config
from django_vton.gateway import polling
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    GatewayState,
    PersonPhoto,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
    VendorLink,
)
from django_vton.models.states import AT_VENDOR

from .simulation import SUBMIT_WINDOW

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import Model, QuerySet

    from .simulation import AttemptKey, Call, Simulation


class CompiledQuery:
    """A query whose SQL is compiled once, since it runs many thousands of times, mostly with known rows.

    With a model, its result are instances, which are never changed.
    """

    def __init__(self, rows: QuerySet[Any], model: type[Model] | None = None) -> None:
        self.compiler = rows.query.get_compiler(connection.alias)
        self.sql = self.compiler.as_sql()
        self.model = model
        self.known: dict[Any, Any] = {}

    def __call__(self) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(*self.sql)
            found = cursor.fetchall()
        unknown = list(dict.fromkeys(values for values in found if values not in self.known))
        if unknown:
            self.known |= zip(unknown, map(self._convert, self.compiler.results_iter([unknown])), strict=True)
        return [self.known[values] for values in found]

    def _convert(self, values: Any) -> Any:
        if self.model is None:
            return values
        fields = [field.attname for field in self.model._meta.concrete_fields]
        return self.model.from_db(connection.alias, fields, values)


@cache
def compiled_queries() -> dict[str, CompiledQuery]:
    photos = PersonPhoto.objects.values_list("pk", "kind", "expires_at")
    events = TryOnEvent.objects.order_by("pk").values_list("request", "name", "from_state", "to_state")
    adoptions = TryOnEvent.objects.filter(name__in=("adopted", "adoption_withdrawn")).order_by("pk")
    gateway = GatewayState.objects.values_list("engine", "breaker", "wait_until", "charged_error_at")
    stray = VendorLink.objects.exclude(attempt__request__state__in=AT_VENDOR)
    return {
        "rows": CompiledQuery(TryOnRequest.objects.order_by("created_at"), TryOnRequest),
        "photos": CompiledQuery(photos),
        "attempts": CompiledQuery(Attempt.objects.order_by("number"), Attempt),
        "events": CompiledQuery(events),
        "adoptions": CompiledQuery(adoptions.values_list("request", "attempt__number", "name", "detail")),
        "images": CompiledQuery(TryOnImage.objects.order_by().values_list("request")),
        "periods": CompiledQuery(BudgetPeriod.objects.values_list("kind", "starts_on", "held", "spent")),
        "gateway": CompiledQuery(gateway),
        "stray": CompiledQuery(stray.values_list("pk")),
    }


class DatabaseView:
    """The contents of the database, read in a few queries."""

    def __init__(self) -> None:
        found = {name: query() for name, query in compiled_queries().items()}
        self.rows: list[TryOnRequest] = found["rows"]
        self.index = {row.pk: index for index, row in enumerate(self.rows)}
        self.photos = {pk: (kind, expires_at) for pk, kind, expires_at in found["photos"]}
        self.attempts: dict[UUID, list[Attempt]] = {row.pk: [] for row in self.rows}
        for attempt in found["attempts"]:
            self.attempts[attempt.request_id].append(attempt)
        self.events: dict[UUID, list[tuple[str, str, str]]] = {row.pk: [] for row in self.rows}
        for pk, *event in found["events"]:
            self.events[pk].append(tuple(event))
        self.adoptions: dict[UUID, tuple[Any, ...]] = {
            pk: (number, name, detail.get("before"), detail.get("code"))
            for pk, number, name, detail in found["adoptions"]
        }
        """The last adoption of each try-on, or its withdrawal."""
        self.images = Counter(pk for (pk,) in found["images"])
        self.periods, self.gateway, self.stray = found["periods"], found["gateway"], found["stray"]

    def current(self, row: TryOnRequest) -> Attempt | None:
        attempts = self.attempts[row.pk]
        return attempts[row.current_attempt_number - 1] if attempts else None

    def fingerprint(self, simulation: Simulation) -> tuple[Any, ...]:
        """Everything that decides what may happen next. Of times only their order counts."""
        coming = sorted((moment, name) for name, moment in upcoming_times(simulation, self).items())
        return (
            tuple(self._row(row, simulation) for row in self.rows),
            tuple(name for _moment, name in coming),
            tuple((engine, breaker, at is None) for engine, breaker, _wait, at in self.gateway),
            frozenset(self._submit(call, simulation) for call in simulation.submits()),
            tuple(self._call(call) for call in simulation.calls if call.job.kind != "submit"),
            frozenset(
                (
                    *(self._name(render.attempt_key), render.status, render.callbacks),
                    *(render.is_named, render.is_walled),
                )
                for render in simulation.renders.values()
            ),
            frozenset(self._name(name) for name in simulation.declared_free),
            None if simulation.stale_read is None else self._stale_read(*simulation.stale_read[:2]),
            (simulation.added_followers, simulation.forged_callbacks),
        )

    def _name(self, key: AttemptKey) -> tuple[int, int]:
        return self.index[key[0]], key[1]

    def _row(self, row: TryOnRequest, simulation: Simulation) -> tuple[Any, ...]:
        attempts = tuple(
            (
                *(attempt.engine, attempt.money, self._id(attempt.vendor_id or "")),
                *(attempt.outcome, attempt.http_status),
            )
            for attempt in self.attempts[row.pk]
        )
        failures = 0 if is_over(row) else row.download_failures
        return (
            *(row.state, row.error_code, min(row.claim_count, 4), failures, row.image_count),
            *(row.erased_at is None, row.shopper_id is None, row.photo_id is None, row.shared_key is None),
            *(row.due_at is None, row.lease_until is None, bool(row.quota_ids), self.images[row.pk]),
            self._was_called_back(row, simulation.now),
            None if row.source_id is None else self.index[row.source_id],
            *(row.current_attempt_number, row.engine, row.is_on_fallback),
            self._adoption(row),
            attempts,
        )

    def _adoption(self, row: TryOnRequest) -> tuple[Any, ...]:
        number, name, before, code = self.adoptions.get(row.pk, (0, "", None, ""))
        return number, name, self._id(before or ""), code

    def _was_called_back(self, row: TryOnRequest, now: datetime) -> bool:
        """Whether the next callback would only make it due some seconds later."""
        is_recent = row.called_back_at is not None and row.called_back_at > now - timedelta(seconds=10)
        return is_recent and not is_over(row)

    def _id(self, name: str) -> str:
        """The vendor's id with a row's position in place of its primary key, which differs in each run."""
        for row in self.rows:
            name = name.replace(str(row.pk), str(self.index[row.pk]))
        return name

    def _submit(self, call: Call, simulation: Simulation) -> tuple[Any, ...]:
        return *self._name(call.attempt_key), call.outcome, call.times_stored, may_send(simulation, call)

    def _call(self, call: Call) -> tuple[Any, ...]:
        request, row = call.job.request, self.rows[self.index[call.request_id]]
        return (
            *self._name(call.attempt_key),
            call.job.kind,
            self._id(call.job.attempt.vendor_id or ""),
            request.lease_until == row.lease_until,
            0 if is_over(row) else request.download_failures,
        )

    def _stale_read(self, row: TryOnRequest, current: Attempt) -> tuple[Any, ...]:
        now = self.rows[self.index[row.pk]]
        is_due = row.due_at == now.due_at
        return self.index[row.pk], current.number, row.state, row.claim_count, is_due, row.download_failures


def is_over(row: TryOnRequest) -> bool:
    """Whether it has ended for good: no callback, response or operator reopens it."""
    return row.state in {"completed", "canceled"}


def may_send(simulation: Simulation, call: Call) -> bool:
    """Whether the worker may still open a connection: it checks its lease before it does."""
    posted_at = call.job.attempt.posted_at
    return not call.outcome and posted_at is not None and simulation.now <= posted_at + SUBMIT_WINDOW


def upcoming_times(simulation: Simulation, view: DatabaseView) -> dict[str, datetime]:
    """The future times at which something happens, by name; the clock is set to one of these."""
    found: dict[str, datetime | None] = {}
    for index, row in enumerate(view.rows):
        attempt = view.current(row)
        if attempt is None:
            continue
        found[f"due {index}"], found[f"lease {index}"] = row.due_at, row.lease_until
        posted_at = attempt.posted_at
        if posted_at is not None and row.state == "submitted":
            deadline = posted_at + config.DEADLINE + timedelta(seconds=row.unhandled_seconds)
            if row.called_back_at is not None:
                deadline = max(deadline, row.called_back_at + polling.POLL_AFTER_CALLBACK)
            found[f"deadline {index}"] = deadline
        if posted_at is not None and row.state == "failed" and row.error_code == "outcome_unknown":
            found[f"outcome {index}"] = posted_at + timedelta(minutes=2)
        if row.state == "rendered" and row.rendered_at is not None:
            found[f"download {index}"] = row.rendered_at + timedelta(hours=24, seconds=1)
        if row.state == "queued" and row.photo_id is not None:
            found[f"photo {index}"] = view.photos[row.photo_id][1]
    if any(row.state == "queued" for row in view.rows):
        found |= {f"gateway {engine}": wait_until for engine, _breaker, wait_until, _at in view.gateway}
    return {name: moment for name, moment in found.items() if moment is not None and moment > simulation.now}
