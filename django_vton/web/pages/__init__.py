"""The pages that work without JavaScript: form, result, history, privacy policy, and the link for a phone.

The pages use the same code as the API. They are not cached or indexed. Until the shopper orders a try-on,
the pages set no cookie except the CSRF cookie.
"""

from .history import history
from .phone import phone
from .privacy_policy import privacy_policy
from .result import result
from .tryon_form import tryon_form

__all__ = ["history", "phone", "privacy_policy", "result", "tryon_form"]
