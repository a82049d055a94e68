"""`phone/{token}/`: the page to which the QR code on a computer's screen leads a phone."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from ... import products
from ...exceptions import Refused
from ...products import DescribedProduct
from ...utils.languages import localized_url
from ...utils.redaction import redact_errors
from .. import phone_links
from .base import OPEN_FRAGMENT, HttpResponseSeeOther, page_view, refusal_page, render


@redact_errors
@page_view
def phone(request: HttpRequest, token: str) -> HttpResponse:
    """`phone/{token}/`: an explanation, and a button. Only a click on the button uses the link."""
    link = phone_links.find(token)
    if link is None:
        return _render(request, "expired", status=404)
    try:
        product = products.find_enabled(link.product)
    except Refused as refusal:
        return refusal_page(request, refusal, status=404)
    if phone_links.has_access(request, link) or (request.method == "POST" and phone_links.use(request, link)):
        return HttpResponseSeeOther(_destination(request, product))
    link.refresh_from_db()
    state = phone_links.status(link)
    is_open = state in {"waiting", "opened"}
    if is_open:
        phone_links.mark_opened(link)
    return _render(request, state, product, status=200 if is_open else 410)


def _render(
    request: HttpRequest, state: str, product: DescribedProduct | None = None, *, status: int
) -> HttpResponse:
    context = {
        "state": state,
        "is_open": status == HTTPStatus.OK,
        "product": product,
        "product_image": product.image_url if product else "",
    }
    response = render(request, "vton/pages/phone.html", context, status=status)
    # Send only the origin, since the URL contains the token. With "no-referrer", browsers would send
    # "Origin: null" with the form, which Django's CSRF check refuses.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _destination(request: HttpRequest, product: DescribedProduct) -> str:
    """Return the URL that opens the dialog on the product page. Without a safe page, return the form's."""
    host = {request.get_host()}
    if product.url and url_has_allowed_host_and_scheme(product.url, host, request.is_secure()):
        return product.url.partition("#")[0] + f"#{OPEN_FRAGMENT}"
    return localized_url("try", product.ref)
