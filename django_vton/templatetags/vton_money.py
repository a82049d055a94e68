"""The filter `usd` for the package's own admin templates."""

from __future__ import annotations

from django import template

from django_vton.utils.money import format_usd

register = template.Library()
register.filter("usd", format_usd)
