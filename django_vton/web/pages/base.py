"""What the pages have in common: headers, the check against forged forms, refusals as pages."""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware
from django.template.loader import render_to_string
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ...exceptions import Refused
from ...utils import languages
from .. import serializers, uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

    from ...models import TryOnRequest
    from ...products import Described

logger = logging.getLogger(__name__)


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check, answered in the words and the design of these pages."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        logger.warning("A form of the try-on pages was refused: %s", reason)
        return notice(request, Refused("csrf_failed"))


def page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """What all these pages have in common, the language of `?lang=` among it.

    The shop's own CSRF check waits for ours: it would read the whole upload before `uploads` limits it.
    """
    checked = decorator_from_middleware(_CsrfCheck)(require_http_methods(["GET", "HEAD", "POST"])(view))

    @login_not_required
    @transaction.non_atomic_requests
    @csrf_exempt
    @sensitive_post_parameters()
    @wraps(view)
    def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if request.encoding not in (None, "utf-8"):
            # A charset may name a codec that is none of text.
            request.encoding = "utf-8"
        uploads.limit(request)
        with languages.speaking(languages.asked(request)) as language:
            _tell_frame(request)
            try:
                uploads.require_length(request)
            except Refused as refusal:
                response: HttpResponseBase = notice(request, refusal)
            else:
                response = checked(request, **kwargs)
            response.headers.setdefault("Content-Language", language)
        response["X-Robots-Tag"] = "noindex"
        response["Cache-Control"] = "no-store"
        # A click for a paid render, or to erase all, must not be stolen, also without Django's middleware.
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        return response

    return answer


def _tell_frame(request: HttpRequest) -> None:
    """Frames of shops read the language from the request, and lead back to its address in another one.

    So the address that they see does not say the language, or a shopper could not change it here.
    """
    request.LANGUAGE_CODE = languages.page_language()  # As Django's middleware.
    query = request.GET.copy()
    query.pop("lang", None)
    request.META["QUERY_STRING"] = query.urlencode()


def render(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int | None = None
) -> HttpResponse:
    """A page: the shop's frame in the page's language; `{% tryon_words %}` in the template is around ours."""
    with languages.in_page_language():
        return HttpResponse(render_to_string(template, context, request), status=status)


class SeeOther(HttpResponseRedirect):
    """After a POST that did something: a reload does not do it again."""

    status_code = 303


def confirm(request: HttpRequest, question: str, row: TryOnRequest | None = None) -> HttpResponse:
    """Ask before "delete" of a try-on, "erase" of everything, or "withdraw" of the consent."""
    here = languages.page_address("history") if row is None else languages.page_address("result", row.pk)
    context: dict[str, Any] = {"question": question, "try_on": row, "here": here}
    if row is not None:
        context["picture"] = next(iter(serializers.tryon(row)["images"]), None)
    return render(request, "vton/pages/confirm.html", context)


def notice(
    request: HttpRequest, refusal: Refused, product: Described | None = None, *, status: int | None = None
) -> HttpResponse:
    """A refusal as a page of its own."""
    response = render(
        request,
        "vton/pages/notice.html",
        {"refusal": refusal, "product": product, "here": languages.telling(request.path)},
        status=status or refusal.status,
    )
    # As in `api.errors`: a pause is no error to mail about.
    response._has_been_logged = True  # type: ignore[attr-defined] # how Django marks it
    return retry_after(response, refusal)


def retry_after(response: HttpResponse, refusal: Refused | None) -> HttpResponse:
    """The response, with the time after which another try is worth it."""
    if refusal is not None and refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    return response
