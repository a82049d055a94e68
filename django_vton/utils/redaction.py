"""What keeps secrets out of logs and of reports of errors, Django's mails and others'.

Such a report has the variables of every frame of a traceback, and the request with its address.
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
    """Leave a caught error its lines, and take the variables away: links, tokens, the key, the photo.

    To be called by the frame that caught it: that one still runs and keeps its own, so it is left out.
    """
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
    each: BaseException | None = error
    while each is not None:
        traceback.clear_frames(each.__traceback__)
        each = each.__cause__ or each.__context__


@contextmanager
def clearing_frames() -> Iterator[None]:
    """What breaks in a function that is called in this block is raised on, without any variable of it."""
    try:
        yield
    except Exception as trouble:
        clear_frames(trouble)
        raise


def redact_errors(view: View) -> View:
    """For a view whose address holds a token: Django logs no answer of it, and sees no error of it.

    An error is logged here and answered with 503, so that the vendor comes again.
    """

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponseBase:
        response: HttpResponseBase
        try:
            response = view(request, token)
        except Refused:
            raise
        except Exception as trouble:
            clear_frames(trouble)
            logger.exception("%s broke off", view.__name__)
            response = HttpResponse(status=503)
        # Else Django logs the path of whatever is 400 or above, a thousand times for a thousand guesses.
        response._has_been_logged = True  # type: ignore[attr-defined]  # how Django marks it
        return response

    return guarded
