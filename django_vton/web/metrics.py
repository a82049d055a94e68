"""The page that Prometheus reads. It needs the setting `METRICS_TOKEN` and the extra `prometheus`."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache

from ..conf import config
from ..utils import database
from ..utils.robust import log_error
from .sessions import skip_session_save


@never_cache
@login_not_required
@database.non_atomic_requests
def metrics(request: HttpRequest) -> HttpResponse:
    """`GET metrics/`: 404 without `METRICS_TOKEN`, 401 without it as bearer token, 503 without a database.

    Nothing is read before the token is compared, so requests with a wrong one cost nothing.
    """
    skip_session_save(request)
    if not config.METRICS_TOKEN:
        return HttpResponse(status=404)
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), config.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    from ..monitoring import metrics

    try:
        return HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
    except DatabaseError:
        log_error("The metrics could not be read.")
        return HttpResponse(status=503)
