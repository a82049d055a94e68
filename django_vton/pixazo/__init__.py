"""The Pixazo gateway's HTTP API: engines, responses and the client.

The package imports nothing from the rest of the project. This module does not import `client`, so that
reading an engine's options does not load an HTTP library.
"""

from .engine import Engine, StatusRequest
from .engines import ENGINES, UNVERIFIED_ENGINES, Fashn, Glass
from .exchanges import ExchangeRecord, record_callback
from .option import Option, OptionError
from .parsing import BadPayload, VendorResponse, VendorStatus
from .responses import DownloadFailed, PollFailed, SubmitOutcome, SubmitResult

__all__ = [
    "ENGINES",
    "UNVERIFIED_ENGINES",
    "BadPayload",
    "DownloadFailed",
    "Engine",
    "ExchangeRecord",
    "Fashn",
    "Glass",
    "Option",
    "OptionError",
    "PollFailed",
    "StatusRequest",
    "SubmitOutcome",
    "SubmitResult",
    "VendorResponse",
    "VendorStatus",
    "record_callback",
]
