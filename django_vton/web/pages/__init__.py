"""The whole flow without JavaScript: the form, the result, the history and the privacy policy.

The pages are plain HTML and use the same code as the API. None of them is cached or indexed. Before the first
accepted photo they set no cookie except the CSRF cookie.
"""

from .history import history
from .phone import phone
from .privacy_policy import privacy_policy
from .result import result
from .tryon_form import tryon_form

__all__ = ["history", "phone", "privacy_policy", "result", "tryon_form"]
