"""Helpers for the tests of try-ons with an unknown outcome."""

from django.contrib.admin.models import LogEntry

from django_vton.models import TryOnRequest
from django_vton.models.states import Money, State

DETAIL = "admin:vton_tryonrequest_change"
ADOPT = "admin:vton_tryonrequest_adopt"
WITHDRAW = "admin:vton_tryonrequest_withdraw"
NOT_CHARGED = "admin:vton_tryonrequest_not-charged"
WRITE_OFF = "admin:vton_tryonrequest_write-off"
HEADING = "Outcome unknown: what does Pixazo's panel say?"
CONFIRMED = {"confirmed": "yes"}
UNRESOLVED = (State.FAILED, "outcome_unknown", [Money.SPENT])


def stored_state(request: TryOnRequest) -> tuple[str, str, list[str]]:
    """Return the state, the error code and the money of all attempts."""
    request.refresh_from_db()
    money = request.attempts.order_by("number").values_list("money", flat=True)
    return request.state, request.error_code, list(money)


def last_log_message(request: TryOnRequest) -> str:
    return LogEntry.objects.get(object_id=request.pk, user__username="vera").get_change_message()
