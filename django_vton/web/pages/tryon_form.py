"""`try/{product}/`: the page with the form that orders a try-on."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.http import HttpRequest, HttpResponse

from ... import images, products
from ...billing import quotas
from ...conf import config
from ...exceptions import Refused
from ...intake import availability, request_tryon
from ...kinds import get_kind
from ...messages import PHOTO_FORMAT_NAMES, format_duration
from ...monitoring import proxies
from ...products import DescribedProduct
from ...shoppers import Visitor
from ...utils.languages import localized_url
from ..sessions import require_session
from ..uploads import clear_file_names, require_photo_size
from .base import HttpResponseSeeOther, add_retry_after, page_view, refusal_page, render
from .forms import TryOnForm, parse_uuid


@page_view
def tryon_form(request: HttpRequest, product: str) -> HttpResponse:
    """`try/{product}/`: GET shows the form, where `?photo=` selects a stored photo. POST orders a try-on."""
    described = None
    try:
        found = products.find(product)
        # The page must not reveal the name of a product that is not enabled.
        described = found if found.is_enabled else None
        require_session(request)
        if request.method == "POST" and described:
            return _order(request, described)
        availability.require_available_for(found)
    except Refused as refusal:
        # A GET sent no data that could be invalid or too much, so 400 and 429 would be misleading.
        status = None if request.method == "POST" else {400: 404, 429: 503}.get(refusal.status)
        return refusal_page(request, refusal, described, status=status)
    visitor = Visitor.from_request(request).for_try_on_of(found.main_ref)
    form = TryOnForm(found, visitor.find_shopper(), selected=request.GET.get("photo", ""))
    return _render_form(request, found, visitor, form)


def _order(request: HttpRequest, described: DescribedProduct) -> HttpResponse:
    """Request the try-on and redirect to its page, or show the form again with its errors."""
    clear_file_names(request.FILES)
    key = parse_uuid(request.POST.get("key", ""))
    visitor = Visitor.from_request(request, str(key or ""))
    owner = visitor.for_try_on_of(described.main_ref)
    form = TryOnForm(described, owner.find_shopper(), data=request.POST, files=request.FILES)
    refusal = None
    if form.is_valid():
        try:
            require_photo_size(request)
            proxies.record_untrusted_proxy(request)
            accepted = request_tryon(form.to_order(visitor, key, request))
        except Refused as error:
            refusal = error
            form.add_refusal(error)
        else:
            visitor.save_token(request)
            return HttpResponseSeeOther(localized_url("result", accepted.request.pk))
    response = _render_form(request, described, owner, form, status=refusal.status if refusal else 400)
    return add_retry_after(response, refusal)


def _render_form(
    request: HttpRequest, described: DescribedProduct, visitor: Visitor, form: TryOnForm, status: int = 200
) -> HttpResponse:
    quota = quotas.quota_status(visitor.quota_owner())
    context = {
        "product": described,
        "product_image": described.image_url,
        "kind": get_kind(described.kind),
        "form": form,
        # The idempotency key is new each time, since the shopper may change a refused order.
        "key": uuid.uuid4(),
        "lost_file": form.is_bound and bool(request.FILES),
        "remaining": quota["remaining"],
        "resets_at": datetime.fromisoformat(quota["resets_at"]) if quota["resets_at"] else None,
        "formats": PHOTO_FORMAT_NAMES,
        "megabytes": images.MAX_BYTES // 1_000_000,
        "pixels": images.MIN_SIDE,
        "photo_for": format_duration(config.PHOTO_RETENTION),
        "policy": config.PRIVACY_URL or localized_url("privacy"),
        "captcha": config.CAPTCHA,
    }
    return render(request, "vton/pages/try.html", context, status=status)
