"""The app configuration, which connects receivers if OpenTelemetry is installed."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """`django_vton.contrib.telemetry` in INSTALLED_APPS."""

    name = "django_vton.contrib.telemetry"
    label = "vton_telemetry"

    def ready(self) -> None:
        """Connect the receivers. Without the extra, do nothing: the check `vton.E012` names it."""
        if find_spec("opentelemetry") is None:
            return
        from django.db.models.signals import pre_save

        from ... import signals
        from ...models import TryOnRequest
        from . import context, recording

        pre_save.connect(context.store, sender=TryOnRequest, dispatch_uid="vton.telemetry")
        for signal in (signals.tryon_completed, signals.tryon_failed, signals.tryon_canceled):
            signal.connect(recording.record, sender=TryOnRequest, dispatch_uid="vton.telemetry")
