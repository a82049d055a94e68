"""The app configuration."""

from __future__ import annotations

from django.apps import AppConfig


class WagtailConfig(AppConfig):
    """`django_vton.contrib.wagtail` in INSTALLED_APPS."""

    name = "django_vton.contrib.wagtail"
    label = "vton_wagtail"
