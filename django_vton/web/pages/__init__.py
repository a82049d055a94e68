"""The whole flow without JavaScript: the form, the result, the history and the policy.

Plain pages, made from the same parts as the API. None of them is cached or indexed, and none sets a
cookie before the first accepted photo but the one against forged forms.
"""

from .history import history, privacy_policy
from .order import try_product
from .phone import phone
from .result import result

__all__ = ["history", "phone", "privacy_policy", "result", "try_product"]
