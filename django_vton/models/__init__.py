"""The rows: fields, constraints and query sets; no work is done here."""

from .conversions import Conversion
from .counters import BudgetPeriod, GatewayState, Incident, PauseSwitch, PumpSlot, Quota
from .people import Consent, HouseModel, PersonPhoto, Shopper
from .tryons import Attempt, ProductPicture, TryOnEvent, TryOnImage, TryOnRequest, VendorLink

__all__ = [
    "Attempt",
    "BudgetPeriod",
    "Consent",
    "Conversion",
    "GatewayState",
    "HouseModel",
    "Incident",
    "PauseSwitch",
    "PersonPhoto",
    "ProductPicture",
    "PumpSlot",
    "Quota",
    "Shopper",
    "TryOnEvent",
    "TryOnImage",
    "TryOnRequest",
    "VendorLink",
]
