"""Record the spans and the metrics of a try-on when it has ended.

They are made from its history in the database, with the times of its events, and not while it runs: several
processes work on a try-on one after another, and any of them may die. So the trace is complete whichever
process ends the try-on, and nothing is measured in the worker's loop.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import metrics, trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from ... import __version__
from ...conf import MICROS_PER_USD, config
from ...models import TryOnRequest
from ...models.states import State
from . import context, history
from .history import History, Phase

_tracer = trace.get_tracer("django_vton", __version__)
_meter = metrics.get_meter("django_vton", __version__)

_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300, 600, 900, 3600)
"""The bounds of the histograms, unless a view of the shop's SDK has others."""

_durations = _meter.create_histogram(
    "vton.try_on.duration",
    unit="s",
    description="The time from the order of a try-on to its end.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)
_phase_durations = _meter.create_histogram(
    "vton.phase.duration",
    unit="s",
    description="The time of each phase of a try-on: queue, submit, render, download, unknown_outcome.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)
_costs = _meter.create_counter(
    "vton.try_on.cost", unit="{USD}", description="What try-ons have cost, when they ended."
)


def record(*, try_on: TryOnRequest, **_kwargs: Any) -> None:
    """Receiver of the signals that a try-on has ended. Nothing here names or leads to a person."""
    found = history.read(try_on)
    if found is None:
        return
    attributes = {"vton.engine": try_on.engine, "vton.outcome": try_on.state}
    if try_on.error_code:
        attributes["error.type"] = try_on.error_code
    _record_spans(try_on, found, attributes)
    _durations.record((found.ends - found.begins).total_seconds(), attributes)
    if found.micros:
        _costs.add(found.micros / MICROS_PER_USD, {"vton.engine": try_on.engine})
    if try_on.source_id is None:
        for phase in found.phases:
            seconds = (phase.ends - phase.begins).total_seconds()
            _phase_durations.record(seconds, _describe(phase) | {"vton.phase": phase.name})


def _record_spans(try_on: TryOnRequest, found: History, attributes: dict[str, str]) -> None:
    parent = context.load(try_on)
    span = _tracer.start_span(
        "vton.try_on",
        parent,
        attributes={"vton.try_on.id": str(try_on.pk), **attributes},
        links=_links(try_on),
        start_time=_nanoseconds(found.begins),
    )
    if try_on.state == State.FAILED:
        span.set_status(Status(StatusCode.ERROR))
    if span.is_recording():
        span.set_attribute("vton.cost_usd", found.micros / MICROS_PER_USD)
        # A try-on that shares the render of another one only waits for it.
        for phase in found.phases if try_on.source_id is None else ():
            _record_phase(try_on, phase, span)
    span.end(_nanoseconds(found.ends))


def _links(try_on: TryOnRequest) -> list[Link]:
    """Return a link to the trace of the render that this try-on shares, if there is one."""
    if try_on.source is None:
        return []
    shared = trace.get_current_span(context.load(try_on.source)).get_span_context()
    return [Link(shared)] if shared.is_valid else []


def _record_phase(try_on: TryOnRequest, phase: Phase, parent: Span) -> None:
    attributes = _describe(phase)
    if phase.attempt is not None:
        attributes["vton.attempt"] = phase.attempt
    is_submit = phase.name == "submit"
    if is_submit:
        gateway = urlsplit(config.PIXAZO_BASE_URL)
        attributes |= {"http.request.method": "POST", "server.address": gateway.hostname or ""}
        attributes["server.port"] = gateway.port or (443 if gateway.scheme == "https" else 80)
    span = _tracer.start_span(
        f"vton.{phase.name}",
        trace.set_span_in_context(parent),
        kind=SpanKind.CLIENT if is_submit else SpanKind.INTERNAL,
        attributes=attributes,
        start_time=_nanoseconds(phase.begins),
    )
    called_at = try_on.called_back_at if phase.name == "render" else None
    if called_at is not None and phase.begins <= called_at <= phase.ends:
        span.add_event("callback", timestamp=_nanoseconds(called_at))
    if phase.error:
        span.set_status(Status(StatusCode.ERROR))
    span.end(_nanoseconds(phase.ends))


def _describe(phase: Phase) -> dict[str, str | int]:
    """Return the attributes of a phase that have few values, for its span and for the metrics."""
    attributes: dict[str, str | int] = {"vton.engine": phase.engine}
    if phase.status is not None:
        attributes["http.response.status_code"] = phase.status
    if phase.error:
        attributes["error.type"] = phase.error
    return attributes


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
