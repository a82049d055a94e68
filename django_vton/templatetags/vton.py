"""The template tags: `{% tryon %}`, `{% tryon_assets %}`, `{% tryon_gallery %}` and `{% tryon_url %}`."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.db.models import Model
from django.template.loader import get_template, render_to_string
from django.templatetags.static import static
from django.utils.formats import localize
from django.utils.functional import cached_property
from django.utils.html import conditional_escape, escape, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from django_vton.models import TryOnImage
from django_vton.products import describe
from django_vton.utils.languages import page_address
from django_vton.web.button import hidden_reason

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.context import Context, RequestContext

    from django_vton.products import Described

register = template.Library()

BUTTON = "vton/tryon.html"
PAGE = "django_vton.page"
PLAIN = re.compile(r"[\w.:-]+", re.ASCII)
"""References that are the same in an address."""

LATE_MODULES = ("dialog", "api", "photo", "choose", "tryon")
"""What the button imports at the first touch, in the order in which `open()` in dialog.js takes them."""

ATTRIBUTES = ("cart", "price", "variant", "cart_label")
"""What a shop tells of its page, each an attribute of the element where it is given."""

SLOTS = {name: f"{{{name} of any product}}" for name in ("title", *ATTRIBUTES)} | {"ref": "vton.any:product"}
"""What stands in a frame where each product has its own."""
IN_SLOTS = re.compile("|".join(map(re.escape, SLOTS.values())))


@register.simple_tag(takes_context=True)
def tryon(
    context: Context,
    product: Any,
    cart: str = "",
    price: Any = "",
    variant: Any = "",
    cart_label: Any = "",
) -> SafeString:
    """The button of a product: a plain link, and what the dialog needs around it.

    `cart` is the id of the page's own form that puts the product into the cart, or of a link or button that
    does. The dialog shows `price`, `variant` (the chosen one in words, such as "Blue, M") and `cart_label`
    (the shop's own words for "Add to cart") beside it, as `{{ }}` would print them.

    Nothing where the product is not enabled, and a kind word where the budget is used up. Raises
    ProductNotRegistered for a model without a TryOn. Reads no session, user or token, so the page stays
    cacheable.
    """
    page = _page(context)
    off = page.off
    if not isinstance(product, Model) or off not in {"", "budget_exhausted"}:
        return SafeString()
    described = describe(product)
    if described is None:
        return SafeString()
    if off:
        return render_to_string("vton/resting.html")
    given = (cart, price, variant, cart_label)
    texts = (_text(value, use_l10n=context.use_l10n) for value in given)
    return page.button(described, {name: text for name, text in zip(ATTRIBUTES, texts, strict=True) if text})


class Page:
    """What a page's buttons have in common, made once: a list may have hundreds of them."""

    def __init__(self) -> None:
        self.off = hidden_reason()
        self._frames: dict[tuple[str, ...], str] = {}

    def button(self, described: Described, given: dict[str, str]) -> SafeString:
        """The button of one product, with the attributes that the shop gave."""
        ref = described.ref
        if not PLAIN.fullmatch(ref) or not self._is_ours:
            return _button(described, given)
        key = (described.kind, _lang(), *given)
        if (frame := self._frames.get(key)) is None:
            any_product = SimpleNamespace(kind=described.kind, ref=SLOTS["ref"], title=SLOTS["title"])
            frame = self._frames[key] = _button(any_product, {name: SLOTS[name] for name in given})
        values: dict[str, str] = {SLOTS[name]: escape(text) for name, text in given.items()}
        values |= {SLOTS["ref"]: ref, SLOTS["title"]: conditional_escape(described.title)}
        # In one pass: what a shop's text holds is never taken for a slot.
        return SafeString(IN_SLOTS.sub(lambda slot: values[slot[0]], frame))

    @cached_property
    def _is_ours(self) -> bool:
        """A shop's own template may ask anything of the product: it is rendered for each."""
        found: Any = get_template(BUTTON)
        return Path(found.origin.name).is_relative_to(Path(__file__).parents[1])


def _page(context: Context) -> Page:
    """At the bottom of what is kept while a page is rendered: an included template has its own above it."""
    kept: dict[Any, Any] = context.render_context.dicts[0]
    if PAGE not in kept:
        kept[PAGE] = Page()
    page: Page = kept[PAGE]
    return page


def _button(described: Any, given: dict[str, str]) -> SafeString:
    modules = " ".join(static(f"vton/{name}.js") for name in LATE_MODULES)
    return render_to_string(BUTTON, {"product": described, **given, "lang": _lang(), "modules": modules})


def _text(value: Any, *, use_l10n: bool | None) -> str:
    """As `{{ value }}` prints it, for an attribute: a filter for money may return markup."""
    if value is None:
        return ""
    if hasattr(value, "__html__"):
        return unescape(strip_tags(value.__html__())).strip()
    return str(localize(value, use_l10n=use_l10n)).strip()


@register.simple_tag(takes_context=True)
def tryon_assets(context: RequestContext) -> SafeString:
    """Style and script of the button, and the badge of a running try-on, for the base template."""
    return render_to_string("vton/assets.html", {"nonce": csp_nonce(context), "lang": _lang()})


@register.simple_tag
def tryon_url(name: str, *args: Any, **query: Any) -> str:
    """The address of a page of ours, such as "history", in this page's language: `{% url %}` may lose it."""
    return page_address(name, *args, **query)


@register.simple_tag
def tryon_gallery(product: Any) -> SafeString:
    """A product's published renders, each said to be AI-generated. One query."""
    described = describe(product) if isinstance(product, Model) else None
    images = list(TryOnImage.objects.published_for(described.ref)) if described else []
    if not images:
        return SafeString()
    return render_to_string("vton/gallery.html", {"product": described, "images": images})


def _lang() -> str:
    """The page's language, which scripts ask the API for."""
    return get_language() or settings.LANGUAGE_CODE


def csp_nonce(context: RequestContext) -> str:
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
