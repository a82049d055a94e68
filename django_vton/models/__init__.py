"""The tables, with their fields, constraints and query sets."""

from .attempts import Attempt, TryOnEvent, VendorLink
from .batches import Batch, BatchNotice, BatchRender, Publication
from .billing import BudgetPeriod, Quota
from .conversions import Conversion
from .exchanges import Exchange
from .operations import (
    DispatcherLease,
    FailedCheck,
    GatewayState,
    Incident,
    PauseSwitch,
    UndeletedFile,
    UnknownStatus,
)
from .phone_links import PhoneLink
from .photos import HouseModel, PersonPhoto
from .products import ProductCheck
from .rules import BatchRule, BatchRuleRun
from .shoppers import Consent, PhotoAccess, Shopper
from .tryons import ProductImage, TryOnImage, TryOnRequest

__all__ = [
    "Attempt",
    "Batch",
    "BatchNotice",
    "BatchRender",
    "BatchRule",
    "BatchRuleRun",
    "BudgetPeriod",
    "Consent",
    "Conversion",
    "DispatcherLease",
    "Exchange",
    "FailedCheck",
    "GatewayState",
    "HouseModel",
    "Incident",
    "PauseSwitch",
    "PersonPhoto",
    "PhoneLink",
    "PhotoAccess",
    "ProductCheck",
    "ProductImage",
    "Publication",
    "Quota",
    "Shopper",
    "TryOnEvent",
    "TryOnImage",
    "TryOnRequest",
    "UndeletedFile",
    "UnknownStatus",
    "VendorLink",
]
