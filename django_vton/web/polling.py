"""How often a browser polls a running try-on. For polls of the vendor see `gateway/polling.py`."""

from ..models.states import State

POLL_SECONDS = {State.QUEUED: 2, State.SUBMITTING: 2, State.SUBMITTED: 3, State.UNKNOWN: 5, State.RENDERED: 2}
"""The API's Retry-After by state, which the scripts follow."""

REFRESH_SECONDS = 5
"""The interval of the page without JavaScript."""
