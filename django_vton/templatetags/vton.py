"""The template tags: `{% tryon product %}`, `{% tryon_assets %}` and `{% tryon_gallery product %}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.db.models import Model
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from django_vton.availability import switched_off
from django_vton.models import TryOnImage
from django_vton.products import describe

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.context import RequestContext

register = template.Library()

LATE_MODULES = ("dialog", "api", "choose", "tryon")
"""What the button imports at the first touch, in the order in which `open()` in dialog.js takes them."""


@register.simple_tag
def tryon(product: Any, cart: str = "") -> SafeString:
    """The button of a product: a plain link, and what the dialog needs around it.

    `cart` is the id of the page's own form that puts the product into the cart. Nothing where the
    product cannot be tried on, and a kind word where the budget is used up. Reads no session, user or
    token, so the page stays cacheable.
    """
    off = switched_off()
    if not isinstance(product, Model) or off not in {"", "budget_exhausted"}:
        return SafeString()
    described = describe(product)
    if described is None:
        return SafeString()
    if off:
        return render_to_string("vton/resting.html")
    return render_to_string(
        "vton/tryon.html",
        {
            "product": described,
            "cart": cart,
            "lang": get_language() or settings.LANGUAGE_CODE,
            "modules": " ".join(static(f"vton/{name}.js") for name in LATE_MODULES),
        },
    )


@register.simple_tag(takes_context=True)
def tryon_assets(context: RequestContext) -> SafeString:
    """Style and script of the button, and the badge of a running try-on, for the base template."""
    return render_to_string("vton/assets.html", {"nonce": _nonce(context)})


@register.simple_tag
def tryon_gallery(product: Any) -> SafeString:
    """A product's published renders, each said to be AI-generated. One query."""
    described = describe(product) if isinstance(product, Model) else None
    images = list(TryOnImage.objects.published_for(described.ref)) if described else []
    if not images:
        return SafeString()
    return render_to_string("vton/gallery.html", {"product": described, "images": images})


def _nonce(context: RequestContext) -> str:
    """The request's CSP nonce; "" where the shop's policy has none.

    Reading it is not free: django-csp 3 adds it to the policy at that moment, and a browser that sees a
    nonce ignores 'unsafe-inline', which other scripts of the shop may need.
    """
    if (nonce := context.get("csp_nonce")) is not None:  # Django 6: the shop chose its context processor.
        return str(nonce)
    request: HttpRequest | None = context.get("request")
    nonce = getattr(request, "csp_nonce", None)
    return str(nonce) if nonce is not None and _policy_has_nonces() else ""


def _policy_has_nonces() -> bool:
    """Whether django-csp asks for nonces: version 3 by a list of directives, 4 by a marker in a policy."""
    policies = [
        getattr(settings, name, None) or {}
        for name in ("CONTENT_SECURITY_POLICY", "CONTENT_SECURITY_POLICY_REPORT_ONLY")
    ]
    sources = [str(value) for policy in policies for value in policy.get("DIRECTIVES", {}).values()]
    return bool(getattr(settings, "CSP_INCLUDE_NONCE_IN", None)) or any("NONCE" in it for it in sources)
