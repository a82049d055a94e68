"""The Pixazo gateway's HTTP API: engines, responses and the client.

The package imports nothing from the rest of the project. This module does not import `client`, so that
reading an engine's options does not load an HTTP library.
"""

from .engine import Engine, Option, OptionError, StatusRequest
from .fashn import Fashn
from .glass import Glass
from .parsing import BadPayload, VendorResponse, VendorStatus, parse_callback_id
from .responses import DownloadFailed, PollFailed, SubmitOutcome, SubmitResult

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Fashn(), Glass())}

__all__ = [
    "ENGINES",
    "BadPayload",
    "DownloadFailed",
    "Engine",
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
    "parse_callback_id",
]
