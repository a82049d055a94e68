"""The vendor's callback, which only makes the dispatcher poll the vendor.

Its content is not trusted, since callbacks are not signed. Only the id of the render is read.
"""

from __future__ import annotations

import logging
import time

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt

from .. import lifecycle
from ..conf import config
from ..gateway import transcripts
from ..gateway.engines import engines
from ..models import Attempt
from ..pixazo import record_callback
from ..pixazo.exchanges import MIN_KEY_LENGTH
from ..queue import wake
from ..utils import database
from ..utils.redaction import clear_frames, redact_errors
from ..utils.tokens import PROOF_HEADER, hash_token, shop_proof
from .sessions import skip_session_save

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024

ATTEMPT_FIELDS = (
    *("number", "engine", "vendor_id", "outcome"),
    *("request__state", "request__called_back_at", "request__keep_transcript"),
)
"""The columns that most callbacks need. Django loads the other columns on access."""


@csrf_exempt
@no_append_slash
@login_not_required
@database.non_atomic_requests
@redact_errors
def callback(request: HttpRequest, token: str) -> HttpResponse:
    """`POST webhooks/pixazo/{token}/`: 200, or 404 for an unknown token. The session is not read.

    The token is looked up by its SHA-256 hash. The comparison in the database need not take constant time:
    its duration can only reveal hashes, and no token can be derived from a hash.
    """
    skip_session_save(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        attempt = (
            Attempt.objects.select_related("request").only(*ATTEMPT_FIELDS).get(token_hash=hash_token(token))
        )
    except Attempt.DoesNotExist:
        return HttpResponse(status=404, headers={PROOF_HEADER: shop_proof(token)})
    began, body = time.monotonic(), _body(request)
    engine = engines().get(attempt.engine)
    vendor_id = engine.parse_callback_id(body) if engine is not None else None
    if lifecycle.receive_callback(attempt, vendor_id or ""):
        database.on_commit(wake, robust=True)
    if transcripts.is_kept(attempt.request):
        _record(request, attempt, body, token, began)
    return HttpResponse(status=200)


def _record(request: HttpRequest, attempt: Attempt, body: bytes, token: str, began: float) -> None:
    """Store the callback in the transcript. An error is only logged."""
    try:
        path = request.path.replace(token, "[removed]")
        secrets = tuple(it for it in (token, config.PIXAZO_API_KEY) if len(it) >= MIN_KEY_LENGTH)
        record = record_callback(
            path=path, headers=request.headers, body=body, secrets=secrets, status=200, began=began
        )
        transcripts.store(attempt, [record])
    except Exception as error:
        clear_frames(error)
        logger.exception("attempt %s: the callback is not in the transcript", attempt.pk)


def _body(request: HttpRequest) -> bytes:
    """Return the body up to the limit, or b"" if the connection broke, since the body is not essential."""
    try:
        return request.read(MAX_BODY_BYTES)
    except OSError:
        return b""
