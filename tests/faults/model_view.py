"""What the database knows of the small world, and when something is due in it."""

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

from .model_world import LAST_SOCKET

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from .model_world import Flight, World


class Reading:
    """A query that is made into SQL once: there are many thousands of looks."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self.compiler = rows.query.get_compiler(connection.alias)
        self.sql = self.compiler.as_sql()

    def __call__(self) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(*self.sql)
            return list(self.compiler.results_iter([cursor.fetchall()]))


@cache
def readings() -> dict[str, Reading]:
    """Of all that a look needs."""
    photos = PersonPhoto.objects.values_list("pk", "kind", "expires_at")
    events = TryOnEvent.objects.order_by("pk").values_list("request", "name", "from_state", "to_state")
    stray = VendorLink.objects.exclude(attempt__request__state__in=AT_VENDOR)
    return {
        "rows": Reading(TryOnRequest.objects.order_by("created_at")),
        "photos": Reading(photos),
        "attempts": Reading(Attempt.objects.order_by("number")),
        "events": Reading(events),
        "images": Reading(TryOnImage.objects.order_by().values_list("request")),
        "periods": Reading(BudgetPeriod.objects.values_list("kind", "starts_on", "held", "spent")),
        "gateway": Reading(GatewayState.objects.values_list("engine", "breaker", "wait_until")),
        "stray": Reading(stray.values_list("pk")),
    }


def of_model(model: Any, values: Any) -> Any:
    return model.from_db(connection.alias, [field.attname for field in model._meta.concrete_fields], values)


class View:
    """What the database knows, read in a handful of queries."""

    def __init__(self) -> None:
        found = {name: read() for name, read in readings().items()}
        self.rows: list[TryOnRequest] = [of_model(TryOnRequest, values) for values in found["rows"]]
        self.place = {row.pk: place for place, row in enumerate(self.rows)}
        self.photos = {pk: (kind, expires_at) for pk, kind, expires_at in found["photos"]}
        self.attempts: dict[UUID, list[Attempt]] = {row.pk: [] for row in self.rows}
        for values in found["attempts"]:
            attempt: Attempt = of_model(Attempt, values)
            self.attempts[attempt.request_id].append(attempt)
        self.events: dict[UUID, list[tuple[str, str, str]]] = {row.pk: [] for row in self.rows}
        for pk, *event in found["events"]:
            self.events[pk].append(tuple(event))
        self.images = Counter(pk for (pk,) in found["images"])
        self.periods, self.gateway, self.stray = found["periods"], found["gateway"], found["stray"]

    def newest(self, row: TryOnRequest) -> Attempt | None:
        attempts = self.attempts[row.pk]
        return attempts[-1] if attempts else None

    def fingerprint(self, world: World) -> tuple[Any, ...]:
        """What decides how it may go on. Times count by their order alone: past, or which comes first."""
        coming = sorted((moment, name) for name, moment in moments(world, self).items())
        return (
            tuple(self._row(row, world) for row in self.rows),
            tuple(name for _moment, name in coming),
            tuple((engine, breaker) for engine, breaker, _wait in self.gateway),
            tuple(self._flight(flight, world) for flight in world.flights),
            tuple(
                (self._name(render.attempt), render.fate, render.calls) for render in world.renders.values()
            ),
            frozenset(self._name(name) for name in world.denied),
            None if world.glance is None else self._glance(*world.glance[:2]),
            (world.joined, world.liars),
        )

    def _name(self, name: tuple[UUID, int]) -> tuple[int, int]:
        return self.place[name[0]], name[1]

    def _row(self, row: TryOnRequest, world: World) -> tuple[Any, ...]:
        attempts = tuple(
            (attempt.money, self._id(attempt.vendor_id or ""), attempt.verdict, attempt.http_status)
            for attempt in self.attempts[row.pk]
        )
        return (
            *(row.state, row.error_code, min(row.claims, 4), row.download_failures, row.image_count),
            *(row.erased_at is None, row.shopper_id is None, row.photo_id is None, row.shared_key is None),
            *(row.due_at is None, row.lease_until is None, bool(row.counted_in), self.images[row.pk]),
            row.called_back_at is not None and row.called_back_at > world.now - timedelta(seconds=10),
            None if row.source_id is None else self.place[row.source_id],
            attempts,
        )

    def _id(self, name: str) -> str:
        """Without the key, which is another one in each run."""
        for row in self.rows:
            name = name.replace(str(row.pk), str(self.place[row.pk]))
        return name

    def _flight(self, flight: Flight, world: World) -> tuple[Any, ...]:
        request, row = flight.job.request, self.rows[self.place[flight.request]]
        if flight.job.kind == "submit":
            return *self._name(flight.name), flight.arrived, flight.told, may_send(world, flight)
        return (
            *self._name(flight.name),
            flight.job.kind,
            self._id(flight.job.attempt.vendor_id or ""),
            request.lease_until == row.lease_until,
            request.download_failures,
        )

    def _glance(self, row: TryOnRequest, newest: Attempt) -> tuple[Any, ...]:
        now = self.rows[self.place[row.pk]]
        is_due = row.due_at == now.due_at
        return self.place[row.pk], newest.number, row.state, row.claims, is_due, row.download_failures


def may_send(world: World, flight: Flight) -> bool:
    """Whether the worker may still open a socket: the look at its lease."""
    posted_at = flight.job.attempt.posted_at
    return not flight.arrived and posted_at is not None and world.now <= posted_at + LAST_SOCKET


def moments(world: World, view: View) -> dict[str, datetime]:
    """What is to come, by name: the clock goes to one of these."""
    found: dict[str, datetime | None] = {}
    for place, row in enumerate(view.rows):
        attempt = view.newest(row)
        if attempt is None:
            continue
        found[f"due {place}"], found[f"lease {place}"] = row.due_at, row.lease_until
        posted_at = attempt.posted_at
        if posted_at is not None and row.state == "submitted":
            late = posted_at + config.DEADLINE
            late = (
                late
                if row.called_back_at is None
                else max(late, row.called_back_at + polling.POLL_AFTER_CALLBACK)
            )
            found[f"deadline {place}"] = late
        if posted_at is not None and row.state == "failed" and row.error_code == "outcome_unknown":
            found[f"doubt {place}"] = posted_at + timedelta(minutes=2)
        if row.state == "rendered" and row.rendered_at is not None:
            found[f"fetching {place}"] = row.rendered_at + timedelta(hours=24, seconds=1)
        if row.state == "queued" and row.photo_id is not None:
            found[f"photo {place}"] = view.photos[row.photo_id][1]
    if any(row.state == "queued" for row in view.rows):
        found |= {f"gateway {engine}": wait_until for engine, _breaker, wait_until in view.gateway}
    return {name: moment for name, moment in found.items() if moment is not None and moment > world.now}
