"""The intervals at which a browser polls. For polls of the vendor see `gateway/polling.py`."""

from ..models.states import State

POLL_SECONDS = {State.QUEUED: 2, State.SUBMITTING: 2, State.SUBMITTED: 3, State.UNKNOWN: 5, State.RENDERED: 2}
"""The seconds after which a browser polls a running try-on again, sent as `Retry-After`."""

REFRESH_SECONDS = 5
"""The interval at which the result page reloads while the try-on runs, without JavaScript."""

PHONE_LINK_SECONDS = 3
"""The interval at which the computer polls the status of a phone link."""
