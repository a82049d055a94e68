"""The package's pages in Django's admin. `TryOnAdminMixin` is for the shop's own product admin."""

from . import batches, health, house_models, operations, products, reports, rules, tryons
from .mixins import TryOnAdminMixin

__all__ = [
    "TryOnAdminMixin",
    "batches",
    "health",
    "house_models",
    "operations",
    "products",
    "reports",
    "rules",
    "tryons",
]
