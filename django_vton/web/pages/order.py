"""`try/{product}/`: choose a photo, agree, order."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from ... import images, products
from ...billing import quotas
from ...conf import config
from ...exceptions import Refused
from ...intake import availability, request_tryon
from ...messages import duration
from ...monitoring import proxies
from ...shoppers import Visitor
from ...utils.languages import page_address
from ..sessions import require_session
from ..uploads import PhotoOnly, unnamed
from .base import SeeOther, notice, page, render, retry_after
from .forms import TryOnForm, as_uuid

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from ...products import Described

FORMATS = ", ".join({"WEBP": "WebP", "HEIF": "HEIC"}.get(name, name) for name in images.PHOTO_FORMATS)
"""The kinds of files a photo may be, as people write them."""


@page
def try_product(request: HttpRequest, product: str) -> HttpResponse:
    """`try/{product}/`: the form (`?photo=` ticks a stored photo), and the order."""
    described = None
    try:
        found = products.find(product)
        # Of one that is not enabled, no page tells the name.
        described = found if found.is_enabled else None
        require_session(request)
        if request.method == "POST" and described:
            return _order(request, described)
        availability.require_for(found)
    except Refused as refusal:
        # 400 and 429 are about what was sent; whoever looks at a page has sent nothing.
        is_looking = request.method != "POST"
        status = {400: 404, 429: 503}.get(refusal.status) if is_looking else None
        return notice(request, refusal, described, status=status)
    visitor = Visitor.of(request).trying_on(found.main_ref)
    form = TryOnForm(found, visitor.shopper(), chosen=request.GET.get("photo", ""))
    return _form(request, found, visitor, form)


def _order(request: HttpRequest, described: Described) -> HttpResponse:
    """Accept it and show the try-on's page; or show the form again, with what was wrong."""
    unnamed(request.FILES)
    key = as_uuid(request.POST.get("key", ""))
    visitor = Visitor.of(request, str(key or ""))
    owner = visitor.trying_on(described.main_ref)
    form = TryOnForm(described, owner.shopper(), data=request.POST, files=request.FILES)
    refusal = None
    if form.is_valid():
        try:
            _check(request)
            proxies.note(request)
            accepted = request_tryon(form.ask(visitor, key, request))
        except Refused as error:
            refusal = error
            form.refuse(error)
        else:
            visitor.remember(request)
            return SeeOther(page_address("result", accepted.request.pk))
    response = _form(request, described, owner, form, status=refusal.status if refusal else 400)
    return retry_after(response, refusal)


def _check(request: HttpRequest) -> None:
    """What only this door can see of a request."""
    if any(isinstance(upload, PhotoOnly) and upload.is_too_large for upload in request.upload_handlers):
        raise Refused("photo_too_large", field="photo")


def _form(
    request: HttpRequest, described: Described, visitor: Visitor, form: TryOnForm, status: int = 200
) -> HttpResponse:
    quota = quotas.state_of(visitor.pays())
    context = {
        "product": described,
        "product_image": described.image_url,
        "eyewear": described.kind == "eyewear",
        "form": form,
        # A new one each time: what was refused may be sent again, changed.
        "key": uuid.uuid4(),
        "lost_file": form.is_bound and bool(request.FILES),
        "left": quota["remaining"],
        "resets_at": datetime.fromisoformat(quota["resets_at"]) if quota["resets_at"] else None,
        "formats": FORMATS,
        "megabytes": images.MAX_BYTES // 1_000_000,
        "pixels": images.MIN_SIDE,
        "photo_for": duration(config.PHOTO_RETENTION),
        "policy": config.PRIVACY_URL or page_address("privacy"),
        "captcha": config.CAPTCHA,
    }
    return render(request, "vton/pages/try.html", context, status=status)
