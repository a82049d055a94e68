"""Carry the trace of the request that orders a try-on, in its row, to the process that ends it."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ...models import TryOnRequest

_propagator = TraceContextTextMapPropagator()


def store(*, instance: TryOnRequest, raw: bool = False, **_kwargs: Any) -> None:
    """Receiver of `pre_save`: note the current span in a new try-on, if there is one."""
    if instance._state.adding and not raw:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        instance.traceparent = carrier.get("traceparent", "")


def load(try_on: TryOnRequest) -> Context:
    """Return the context of the request that ordered this try-on; an empty one if that was not traced.

    It never has the span that is current in this process, which may be another request's.
    """
    return _propagator.extract({"traceparent": try_on.traceparent}, Context())
