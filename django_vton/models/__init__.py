"""The rows: fields, constraints and query sets; no work is done here."""

from .batches import Batch, BatchRender, Publication
from .conversions import Conversion
from .counters import BudgetPeriod, DispatcherLease, GatewayState, Incident, PauseSwitch, Quota
from .phone import PhoneLink
from .shoppers import Consent, HouseModel, PersonPhoto, PhotoAccess, Shopper
from .tryons import Attempt, ProductImage, TryOnEvent, TryOnImage, TryOnRequest, VendorLink

__all__ = [
    "Attempt",
    "Batch",
    "BatchRender",
    "BudgetPeriod",
    "Consent",
    "Conversion",
    "DispatcherLease",
    "GatewayState",
    "HouseModel",
    "Incident",
    "PauseSwitch",
    "PersonPhoto",
    "PhoneLink",
    "PhotoAccess",
    "ProductImage",
    "Publication",
    "Quota",
    "Shopper",
    "TryOnEvent",
    "TryOnImage",
    "TryOnRequest",
    "VendorLink",
]
