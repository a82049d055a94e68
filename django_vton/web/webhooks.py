"""The callback: a hint that there is something to ask the vendor about, and nothing more.

Nobody signs callbacks, so nothing in one is believed: the pump asks the vendor itself, with the shop's key.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse, HttpResponseNotAllowed
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt

from .. import lifecycle
from ..models import Attempt
from ..pixazo import parse_callback
from ..queue import wake
from ..utils.redaction import redact_errors
from ..utils.tokens import hash_token
from .sessions import leave_session

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024

READ = ("number", "vendor_id", "request__state", "request__called_back_at")
"""What mostly decides; whatever else is needed is read when it is."""


@csrf_exempt
@no_append_slash
@login_not_required
@transaction.non_atomic_requests
@redact_errors
def callback(request: HttpRequest, token: str) -> HttpResponse:
    """`POST webhooks/pixazo/{token}/`: 200, or 404 for a token that is not ours. Reads no session.

    The token is looked up by its SHA-256: how long that takes tells a guesser about hashes, from which no
    token can be found, so the database's comparison need not take constant time.
    """
    leave_session(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        attempt = Attempt.objects.select_related("request").only(*READ).get(token_hash=hash_token(token))
    except Attempt.DoesNotExist:
        return HttpResponse(status=404)
    named = parse_callback(_body(request))
    if named and attempt.vendor_id and named != attempt.vendor_id:
        logger.warning("A callback of attempt %s names another render; ignored.", attempt)
    elif lifecycle.callback(attempt, named or ""):
        transaction.on_commit(wake, robust=True)
    return HttpResponse(status=200)


def _body(request: HttpRequest) -> bytes:
    """As much of the body as the vendor would send. Cut off, it names nothing: the call is the hint."""
    try:
        return request.read(MAX_BODY)
    except OSError:
        return b""
