"""Collects what the package records, with the SDK of OpenTelemetry, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import AppConfig
from django.db.models.signals import pre_save
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from django_vton import signals
from django_vton.models import TryOnRequest

# The fixtures of the lifecycle's tests.
from ..lifecycle.conftest import _files, garment_harness, gateway, harness  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest, HttpResponse
    from pytest_django import Settings

UNSAMPLED = trace.NonRecordingSpan(trace.SpanContext(trace_id=1, span_id=1, is_remote=False))
"""The span of a request that the shop does not sample."""


@dataclass
class Recorded:
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def spans(self) -> list[ReadableSpan]:
        """By their begin, each parent before its children."""
        spans = self.exporter.get_finished_spans()
        return sorted(spans, key=lambda it: (it.start_time, -(it.end_time or 0), it.name != "vton.try_on"))

    def metrics(self) -> dict[str, dict[tuple[Any, ...], float]]:
        """The counts of histograms and the sums of counters by the values of their attributes."""
        found: dict[str, dict[tuple[Any, ...], float]] = {}
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = found.setdefault(metric.name, {})
                    for point in metric.data.data_points:
                        key = tuple(value for _name, value in sorted((point.attributes or {}).items()))
                        assert isinstance(point, HistogramDataPoint | NumberDataPoint)
                        points[key] = point.count if isinstance(point, HistogramDataPoint) else point.value
        return found


@pytest.fixture(scope="session")
def sdk() -> Recorded:
    """A process has one provider, as in a shop."""
    exporter = InMemorySpanExporter()
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(tracing)
    delta = AggregationTemporality.DELTA
    reader = InMemoryMetricReader(preferred_temporality={Counter: delta, Histogram: delta})
    metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
    return Recorded(exporter, reader)


@pytest.fixture
def recorded(sdk: Recorded) -> Iterator[Recorded]:
    """What is recorded during the test, as if the app were in INSTALLED_APPS."""
    sdk.exporter.clear()
    sdk.metrics()
    AppConfig.create("django_vton.contrib.telemetry").ready()
    yield sdk
    ends = (signals.tryon_completed, signals.tryon_failed, signals.tryon_canceled)
    for signal in (pre_save, *ends):
        assert signal.disconnect(sender=TryOnRequest, dispatch_uid="vton.telemetry")


@pytest.fixture
def traced_shop(settings: Settings) -> None:
    """A shop that traces its requests."""
    settings.MIDDLEWARE = ["tests.telemetry.conftest.trace_request", *settings.MIDDLEWARE]


def trace_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """A middleware: a span for each request, as instrumentations of Django have it."""
    tracer = trace.get_tracer("shop")

    def middleware(request: HttpRequest) -> HttpResponse:
        if "unsampled" in request.GET:
            with trace.use_span(UNSAMPLED):
                return get_response(request)
        with tracer.start_as_current_span(f"{request.method} {request.path}"):
            return get_response(request)

    return middleware
