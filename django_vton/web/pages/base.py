"""The code that all pages share: the view decorator, rendering, confirmations, and refusals as pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.template.loader import render_to_string
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from ...exceptions import Refused
from ...models import TryOnRequest
from ...products import DescribedProduct
from ...utils import database, languages
from ...utils.safe_urls import safe_url
from .. import tryon_serializers, uploads

logger = logging.getLogger(__name__)

METHODS = ("GET", "HEAD", "POST")

OPEN_FRAGMENT = "try-on"
"""The URL fragment that opens the dialog on a product page, with the product's newest try-on."""


class _CsrfMiddleware(CsrfViewMiddleware):
    """Django's CSRF check, with a refusal in the language and design of these pages."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        logger.warning("The CSRF check refused a form of the try-on pages: %s", reason)
        return refusal_page(request, Refused("csrf_failed"))


def page_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Wrap a page's view: no login, no transaction, upload limits, CSRF check, language and headers.

    The view is exempt from the shop's CSRF middleware, which would read the whole upload before `uploads` can
    limit it. Our own check runs afterwards.
    """
    checked = decorator_from_middleware(_CsrfMiddleware)(view)

    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in METHODS:
            # `require_http_methods` would log the URL, which can contain a token.
            response = refusal_page(request, Refused("method_not_allowed"))
            response["Allow"] = ", ".join(METHODS)
            return response
        try:
            uploads.check_content_length(request)
            with database.refusing_conflicts():
                return checked(request, *args, **kwargs)
        except Refused as refusal:
            return refusal_page(request, refusal)

    @login_not_required
    @database.non_atomic_requests
    @csrf_exempt
    @sensitive_post_parameters()
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.encoding not in (None, "utf-8"):
            # A client may name a codec that is not a text encoding.
            request.encoding = "utf-8"
        uploads.limit_uploads(request)
        with languages.override_interface_language(languages.requested_language(request)) as language:
            _set_page_language(request)
            response = respond(request, *args, **kwargs)
            response.headers.setdefault("Content-Language", language)
        response["X-Robots-Tag"] = "noindex"
        response["Cache-Control"] = "no-store"
        # Prevents clickjacking of paid renders and of erasure, even without Django's middleware.
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        return response

    return wrapper


def _set_page_language(request: HttpRequest) -> None:
    """Set the page's language on the request, as Django's middleware does, and remove `lang` from its query.

    A shop's base template may contain a language switch that links to the request's URL. With `lang` in that
    URL, the switch would have no effect.
    """
    request.LANGUAGE_CODE = languages.page_language()
    query = request.GET.copy()
    query.pop("lang", None)
    request.META["QUERY_STRING"] = query.urlencode()


def render(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int | None = None
) -> HttpResponse:
    """Render a page in the page's language. `{% tryon_words %}` switches to the interface language."""
    with languages.override_page_language():
        response = HttpResponse(render_to_string(template, context, request), status=status)
    # Otherwise Django would log each 503 as an error, even if the shop has only paused its try-ons.
    response._has_been_logged = True  # type: ignore[attr-defined] # how Django marks it
    return response


class HttpResponseSeeOther(HttpResponseRedirect):
    """A redirect after a successful POST, so that reloading the next page does not repeat the POST."""

    status_code = 303


def confirmation_page(request: HttpRequest, question: str, row: TryOnRequest | None = None) -> HttpResponse:
    """Return a page that asks whether to "delete" a try-on, "erase" all data or "withdraw" the consent."""
    url = languages.localized_url("history") if row is None else languages.localized_url("result", row.pk)
    context: dict[str, Any] = {"question": question, "try_on": row, "action_url": url}
    if row is not None:
        context["picture"] = next(iter(tryon_serializers.TryOnSerializer(row).data["images"]), None)
    return render(request, "vton/pages/confirm.html", context)


def refusal_page(
    request: HttpRequest,
    refusal: Refused,
    product: DescribedProduct | None = None,
    *,
    status: int | None = None,
) -> HttpResponse:
    """Return a page that shows the refusal, by default with the refusal's own status code."""
    response = render(
        request,
        "vton/pages/notice.html",
        {"refusal": refusal, "product": product, "reload_url": languages.with_language(request.path)},
        status=status or refusal.status,
    )
    return add_retry_after(response, refusal)


def add_retry_after(response: HttpResponse, refusal: Refused | None) -> HttpResponse:
    """Set the Retry-After header if the refusal has a `retry_after`. Return the response."""
    if refusal is not None and refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def product_link(request: HttpRequest, url: str) -> str:
    """Return a link to the product page that opens the dialog there, or "" if the URL is not safe.

    A URL of another site is returned unchanged.
    """
    url = safe_url(url)
    parts = urlsplit(url)
    if url.startswith("/") or (parts.scheme, parts.netloc) == (request.scheme, request.get_host()):
        return parts._replace(fragment=OPEN_FRAGMENT).geturl()
    return url
