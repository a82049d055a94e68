"""Everything that a change of some rows has written, in a form that two runs can be compared by."""

from __future__ import annotations

import logging
import re
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from django_vton import signals
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    GatewayState,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
    VendorLink,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.db import models

    from .rows import Row

SIGNALS = {
    name: getattr(signals, name) for name in ("tryon_completed", "tryon_failed", "tryon_needs_attention")
}

MACHINE_TIMES = {"created_at", "at"}
"""Columns with the time of the machine, although the tests' clock stands still."""

RANDOM_VALUES = {"token_hash", "vendor_id", "cache_key", "shared_key", "file", "thumbnail"}
"""Columns that differ in each row."""


class Numbers:
    """Replaces keys and random values by the number of their first occurrence among those of their kind."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, Any], str] = {}
        self.counts: Counter[str] = Counter()

    def __call__(self, kind: str, value: Any) -> Any:
        if value in {None, ""}:
            return value
        if (kind, value) not in self.known:
            self.known[kind, value] = f"{kind} {self.counts[kind]}"
            self.counts[kind] += 1
        return self.known[kind, value]

    def replace_in(self, line: str) -> str:
        for (kind, value), number in self.known.items():
            if kind == "TryOnRequest":
                line = line.replace(str(value), number)
        return re.sub(r"\bid \d+", "an id", line)

    def columns(self, row: models.Model) -> dict[str, Any]:
        return {
            field.attname: self._value(field, getattr(row, field.attname))
            for field in row._meta.concrete_fields
            if field.name not in MACHINE_TIMES
        }

    def _value(self, field: models.Field[Any, Any], value: Any) -> Any:
        if field.name == "quota_ids":
            return [self("quota", pk) for pk in value]
        if field.name == "detail":
            return {name: self.replace_in(str(it)) for name, it in value.items()}
        if field.primary_key or field.is_relation:
            model = field.related_model if field.is_relation else field.model
            return self(str(getattr(model, "__name__", model)), value)
        return self(field.name, str(value)) if field.name in RANDOM_VALUES and value is not None else value


@contextmanager
def _recording() -> Iterator[tuple[list[tuple[str, Any, Any]], list[str]]]:
    """The signals that are sent, and the lines that the lifecycle logs."""
    sent: list[tuple[str, Any, Any]] = []
    lines: list[str] = []

    def receive(name: str, *, try_on: TryOnRequest, code: str = "", **_arguments: Any) -> None:
        sent.append((name, try_on.pk, code))

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    log, handler = logging.getLogger("django_vton.lifecycle"), Lines()
    with ExitStack() as stack:
        for name, signal in SIGNALS.items():
            receiver = partial(receive, name)
            signal.connect(receiver, weak=False)
            stack.callback(signal.disconnect, receiver)
        log.addHandler(handler)
        stack.callback(log.removeHandler, handler)
        yield sent, lines


def _budgets() -> Counter[tuple[str, str, Any]]:
    amounts: Counter[tuple[str, str, Any]] = Counter()
    for period in BudgetPeriod.objects.all():
        amounts["held", period.kind, period.starts_on] = period.held
        amounts["spent", period.kind, period.starts_on] = period.spent
    return amounts


def effects(rows: Sequence[Row], change: Callable[[Sequence[Row]], Any]) -> dict[str, Any]:
    """What a change has written for these rows and their followers."""
    before, keys = _budgets(), [row.request.pk for row in rows]
    with _recording() as (sent, lines):
        result = change(rows)
    after = _budgets()
    related = TryOnRequest.objects.filter(Q(pk__in=keys) | Q(source__in=keys)).order_by("created_at")
    found = {row.pk: row for row in related}
    requests = [found[pk] for pk in (*keys, *(pk for pk in found if pk not in keys))]
    attempts = [it for row in requests for it in Attempt.objects.filter(request=row).order_by("number")]
    events = [it for row in requests for it in TryOnEvent.objects.filter(request=row).order_by("pk")]
    numbers = Numbers()
    tables: dict[str, Sequence[models.Model]] = {
        "requests": requests,
        "attempts": attempts,
        "events": events,
        "images": [it for row in requests for it in TryOnImage.objects.filter(request=row)],
        "links": [it for row in attempts for it in VendorLink.objects.filter(attempt=row).order_by("pk")],
    }
    written: dict[str, Any] = {name: [numbers.columns(it) for it in table] for name, table in tables.items()}
    # The order of lines matters for one try-on, not among several.
    logged = [[numbers.replace_in(line) for line in lines if str(row.pk) in line] for row in requests]
    return written | {
        "result": result,
        "budgets": {it: after[it] - before[it] for it in after if after[it] != before[it]},
        "gateways": list(GatewayState.objects.order_by("pk").values()),
        "signals": [(row.pk in keys, *it) for row in requests for it in _of(row, sent)],
        "log": logged,
        "other lines": sorted(numbers.replace_in(it) for it in lines if not it.startswith("try_on=")),
    }


def _of(row: TryOnRequest, sent: Sequence[tuple[str, Any, Any]]) -> list[tuple[str, Any]]:
    return [(name, code) for name, pk, code in sent if pk == row.pk]


def compare(
    make: Callable[[], Sequence[Row]],
    one_by_one: Callable[[Sequence[Row]], Any],
    in_bulk: Callable[[Sequence[Row]], Any],
) -> dict[str, Any]:
    """Make the same rows twice, and change them one by one and in bulk: the effects are the same."""
    single, several = [effects(make(), change) for change in (one_by_one, in_bulk)]
    assert single == several
    return several
