"""The merchant's desk in Django's admin. `TryOnAdminMixin` is for the shop's own product admin."""

from . import counters, dashboard, people, products, state, tryons
from .mixins import TryOnAdminMixin

__all__ = ["TryOnAdminMixin", "counters", "dashboard", "people", "products", "state", "tryons"]
