"""The rows: fields, constraints and query sets; no work is done here."""

from .batches import Batch, BatchRender, Publication
from .conversions import Conversion
from .counters import BudgetPeriod, GatewayState, Incident, PauseSwitch, PumpSlot, Quota
from .people import Consent, HouseModel, Look, PersonPhoto, Shopper
from .phone import PhoneLink
from .tryons import Attempt, ProductPicture, TryOnEvent, TryOnImage, TryOnRequest, VendorLink

__all__ = [
    "Attempt",
    "Batch",
    "BatchRender",
    "BudgetPeriod",
    "Consent",
    "Conversion",
    "GatewayState",
    "HouseModel",
    "Incident",
    "Look",
    "PauseSwitch",
    "PersonPhoto",
    "PhoneLink",
    "ProductPicture",
    "Publication",
    "PumpSlot",
    "Quota",
    "Shopper",
    "TryOnEvent",
    "TryOnImage",
    "TryOnRequest",
    "VendorLink",
]
