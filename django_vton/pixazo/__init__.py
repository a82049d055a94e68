"""Pixazo's gateway: its engines, its answers and its client. Knows nothing of the rest of the project.

``client`` is not imported here, so that reading an engine's options does not load an HTTP library.
"""

from .engine import Call, Engine, Option, OptionError
from .fashn import Fashn
from .glass import Glass
from .parsing import Answer, BadPayload, Status, error_code, parse_callback, parse_timestamp, redact
from .verdicts import DownloadFailed, PollFailed, Submission, Verdict

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Fashn(), Glass())}

__all__ = [
    "ENGINES",
    "Answer",
    "BadPayload",
    "Call",
    "DownloadFailed",
    "Engine",
    "Fashn",
    "Glass",
    "Option",
    "OptionError",
    "PollFailed",
    "Status",
    "Submission",
    "Verdict",
    "error_code",
    "parse_callback",
    "parse_timestamp",
    "redact",
]
