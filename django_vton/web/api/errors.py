"""The response to a refused request: always `{"code", "detail", "field"}`, whatever was raised."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response

from ...exceptions import Refused
from ...utils import database

logger = logging.getLogger(__name__)

UNREADABLE = (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError, ValidationError)
"""The exceptions that Django raises for an unreadable request, such as one with a broken part."""


def exception_handler(error: Exception, _context: Mapping[str, Any]) -> Response | None:
    """Return the response to an exception, or None for a bug, which Django then reports."""
    refused = database.conflict_refusal(error) or _to_refused(error)
    if refused is None:
        return None
    if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.info("Answered %s: %s", refused.status, refused.code)
    headers = {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
    response = Response(refused.as_dict(), status=refused.status, headers=headers)
    # Otherwise Django would log a 503 as an error and mail it to the admins, for each shopper during a pause.
    response._has_been_logged = True  # type: ignore[attr-defined] # how Django marks it
    return response


def _to_refused(error: Exception) -> Refused | None:
    match error:
        case Refused():
            return error
        case Http404() | exceptions.NotFound():
            return Refused("not_found")
        case exceptions.MethodNotAllowed():
            return Refused("method_not_allowed")
        case exceptions.APIException():
            return Refused("request_invalid", status=error.status_code)
        case RequestDataTooBig():
            return Refused("request_invalid", status=413)
    return Refused("request_invalid") if isinstance(error, UNREADABLE) else None
