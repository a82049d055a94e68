"""Keep secrets out of logs and error reports, such as Django's error mails.

An error report contains the local variables of every frame in the traceback, and the request with its URL.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING

from django.http import HttpResponse

from ..exceptions import Refused

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View = Callable[[HttpRequest, str], HttpResponseBase]

logger = logging.getLogger(__name__)


def clear_frames(error: BaseException) -> None:
    """Remove the local variables, such as tokens, the API key or a photo, from a caught error's traceback.

    Call it in the frame that caught the error. The variables of that frame cannot be cleared while it runs,
    so the frame itself is removed from the traceback.
    """
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
    chained: BaseException | None = error
    while chained is not None:
        traceback.clear_frames(chained.__traceback__)
        chained = chained.__cause__ or chained.__context__


@contextmanager
def clearing_frames() -> Iterator[None]:
    """Clear the local variables of the functions called in this block from an error's traceback."""
    try:
        yield
    except Exception as error:
        clear_frames(error)
        raise


def redact_errors(view: View) -> View:
    """Decorate a view whose URL contains a token, so that Django logs neither the URL nor errors with it.

    An error is logged here without the URL. The response is then 503, so that the vendor retries.
    """

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponseBase:
        response: HttpResponseBase
        try:
            response = view(request, token)
        except Refused:
            raise
        except Exception as error:
            clear_frames(error)
            logger.exception("%s failed", view.__name__)
            response = HttpResponse(status=503)
        # Django logs the path of every response with status 400 or above, unless it has this mark.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    return guarded
