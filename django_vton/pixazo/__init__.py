"""The Pixazo gateway's HTTP API: engines, responses and the client. Knows nothing of the rest of the project.

``client`` is not imported here, so that reading an engine's options does not load an HTTP library.
"""

from .engine import Engine, Option, OptionError, StatusRequest
from .fashn import Fashn
from .glass import Glass
from .parsing import (
    BadPayload,
    VendorResponse,
    VendorStatus,
    error_code,
    parse_callback_id,
    parse_timestamp,
    redact,
)
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
    "error_code",
    "parse_callback_id",
    "parse_timestamp",
    "redact",
]
