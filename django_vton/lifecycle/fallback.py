"""Move a try-on to its product's second engine if the first one does not accept it.

A try-on moves once, and only while nothing was accepted and no outcome is unknown, so it is not paid twice.
Its engine, options and keys always belong to its current attempt.
"""

from __future__ import annotations

from typing import Any

from ..billing import budget
from ..gateway import circuit_breaker
from ..gateway.engines import engines, price
from ..gateway.fetches import VERDICT_CODES, failure_code
from ..models import Attempt, TryOnRequest
from ..models.states import ACTIVE, IMAGES_UNREACHABLE, State
from ..utils import clock, database
from .bulk_update import update_rows
from .followers import share
from .transition import create_next_attempt, lock_current_attempt, next_number, record, transition


def fall_back(attempt: Attempt, event: str, code: str, *, is_final: bool) -> bool:
    """Queue a locked try-on, whose submit was refused or not sent, for its second engine, due now.

    Return False, and change nothing, if there is none that can help, or if the budget does not cover its
    price. `code` is the error code of the refusal. If the refusal `is_final`, waiting for the first engine is
    in vain, so the second one may also be paused.
    """
    request = attempt.request
    if not _has_fallback(request) or not _can_help(attempt, code):
        return False
    is_paused = circuit_breaker.paused_until(request.other_engine, clock.now()) is not None
    if (is_paused and not is_final) or not _reserve_difference(attempt):
        return False
    transition([request], State.QUEUED, event, attempts=[attempt], due_at=clock.now())
    _move(attempt)
    return True


@database.retry
def fall_back_while_queued(request: TryOnRequest) -> bool:
    """Queue a due try-on, whose engine is stopped or paused, for its second engine. Return whether it moved.

    If the budget does not cover the price, postpone the try-on until its own engine may be used again.
    """
    now = clock.now()
    with database.atomic():
        attempt = lock_current_attempt(request)
        request = attempt.request
        is_due = request.state == State.QUEUED and request.due_at is not None and request.due_at <= now
        paused_until = circuit_breaker.paused_until(request.engine, now)
        if not is_due or paused_until is None or not _has_fallback(request):
            return False
        if not _reserve_difference(attempt):
            TryOnRequest.objects.filter(pk=request.pk).update(due_at=paused_until)
            return False
        _move(attempt)
    return True


def _has_fallback(request: TryOnRequest) -> bool:
    return not request.is_on_fallback and request.other_engine in engines()


def _can_help(attempt: Attempt, code: str) -> bool:
    """Return whether another engine may accept what this one has refused for this reason.

    A judgement of what the photo shows is final: a moderated photo is not offered to one engine after
    another. If the vendor cannot load the images, only an engine that gets them in the submit can help.
    """
    code = failure_code(attempt, code, is_failed=False)
    if code == IMAGES_UNREACHABLE:
        return engines()[attempt.request.other_engine].images_as != "url"
    return code not in VERDICT_CODES


def _reserve_difference(attempt: Attempt) -> bool:
    return budget.change_reservation(attempt.budget_day, attempt.amount, _other_price(attempt.request))


def _other_price(request: TryOnRequest) -> int:
    return price(request.other_engine, request.other_options)


def _move(attempt: Attempt) -> None:
    """Replace the attempt of a locked, queued try-on, for which the difference of the prices is reserved."""
    request, amount, number = attempt.request, _other_price(attempt.request), next_number(attempt.request)
    new = create_next_attempt(attempt, number, request.other_engine, amount)
    change_engine(request, current_attempt_number=number)
    detail = {"from": request.other_engine, "to": request.engine}
    record(request, "fallback", request.state, attempt=new, detail=detail)


def change_engine(request: TryOnRequest, **fields: Any) -> None:
    """Exchange the two engines of a locked try-on and of the followers that wait for it.

    A shared render is then shared by the orders for the other engine, unless they share another one.
    """
    swapped = {
        "engine": request.other_engine,
        "options": request.other_options,
        "cache_key": request.other_cache_key,
        "other_engine": request.engine,
        "other_options": request.options,
        "other_cache_key": request.cache_key,
        "is_on_fallback": not request.is_on_fallback,
    }
    is_shared = request.shared_key is not None
    fields |= swapped | {"shared_key": None}
    update_rows(TryOnRequest, [(request.pk, {"state": request.state}, fields)])
    for name, value in fields.items():
        setattr(request, name, value)
    # Only a transaction that has locked the source changes a follower's state.
    request.followers.filter(state__in=ACTIVE).update(**swapped)
    if is_shared:
        share(request)
