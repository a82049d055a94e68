"""Spans and metrics of try-ons for OpenTelemetry: an app, for INSTALLED_APPS, and the extra `telemetry`."""
