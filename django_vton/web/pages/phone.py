"""`phone/{token}/`: what a phone opens after reading the code from a computer's screen."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.utils.http import url_has_allowed_host_and_scheme

from ... import products
from ...exceptions import Refused
from ...utils.languages import page_address
from ...utils.redaction import redact_errors
from .. import phone_links as links
from .base import SeeOther, notice, page, render

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from ...products import Described

METHODS = ("GET", "HEAD", "POST")


@page
def _answer(request: HttpRequest, token: str) -> HttpResponse:
    link = links.find(token)
    if link is None:
        return _shown(request, "expired", status=404)
    try:
        product = products.find_enabled(link.product)
    except Refused as refusal:
        return notice(request, refusal, status=404)
    if links.is_held(request, link) or (request.method == "POST" and links.use(request, link)):
        return SeeOther(_destination(request, product))
    link.refresh_from_db()
    state = links.status(link)
    is_open = state in {"waiting", "opened"}
    if is_open:
        links.note_opened(link)
    return _shown(request, state, product, status=200 if is_open else 410)


def _shown(
    request: HttpRequest, state: str, product: Described | None = None, *, status: int
) -> HttpResponse:
    context = {
        "state": state,
        "is_open": status == HTTPStatus.OK,
        "product": product,
        "product_image": product.image_url if product else "",
    }
    response = render(request, "vton/pages/phone.html", context, status=status)
    # The origin alone, since the URL holds the token. With "no-referrer", browsers would send "Origin: null"
    # with the form, which Django refuses.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _destination(request: HttpRequest, product: Described) -> str:
    """The product's own page, whose button opens the dialog at `#try-on`, or else the form without it."""
    host = {request.get_host()}
    if product.url and url_has_allowed_host_and_scheme(product.url, host, request.is_secure()):
        return product.url.partition("#")[0] + "#try-on"
    return page_address("try", product.ref)


@wraps(_answer)
def phone(request: HttpRequest, token: str) -> HttpResponseBase:
    """`phone/{token}/`: what the link does, and a button that uses it. Opening it alone changes nothing."""
    return redact_errors(_answer_quietly)(request, token)


def _answer_quietly(request: HttpRequest, token: str) -> HttpResponseBase:
    if request.method not in METHODS:
        # Django would log the URL with its answer.
        response = notice(request, Refused("method_not_allowed"))
        response["Allow"] = ", ".join(METHODS)
        return response
    return _answer(request, token=token)
