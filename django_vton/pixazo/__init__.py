"""Pixazo's gateway: its engines, its answers and its client. Knows nothing of the rest of the project.

``client`` is not imported here, so that reading an engine's options does not load an HTTP library.
"""

from .engine import Call, Engine, Option, OptionError
from .fashn import Fashn
from .glass import Glass
from .outcomes import AskFailed, FetchFailed, Submission, Verdict
from .wire import Answer, BadPayload, Status, error_code, parse_callback, parse_timestamp, redact

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Fashn(), Glass())}

__all__ = [
    "ENGINES",
    "Answer",
    "AskFailed",
    "BadPayload",
    "Call",
    "Engine",
    "Fashn",
    "FetchFailed",
    "Glass",
    "Option",
    "OptionError",
    "Status",
    "Submission",
    "Verdict",
    "error_code",
    "parse_callback",
    "parse_timestamp",
    "redact",
]
