"""The merchant's desk in Django's admin. `TryOnAdminMixin` is for the shop's own product admin."""

from . import batches, counters, dashboard, people, products, state, tryons
from .mixins import TryOnAdminMixin

__all__ = [
    "TryOnAdminMixin",
    "batches",
    "counters",
    "dashboard",
    "people",
    "products",
    "state",
    "tryons",
]
