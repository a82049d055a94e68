"""The template tags `{% tryon %}`, `{% tryon_assets %}`, `{% tryon_gallery %}` and `{% tryon_url %}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ParamSpec

from django import template
from django.conf import settings
from django.db.models import Model
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import get_template, render_to_string
from django.templatetags.static import static
from django.utils.formats import localize
from django.utils.functional import cached_property
from django.utils.html import conditional_escape, escape, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from django_vton.intake.fallbacks import engine_names
from django_vton.models import TryOnImage
from django_vton.products import DescribedProduct, describe, reference
from django_vton.utils import database
from django_vton.utils.languages import localized_url
from django_vton.utils.robust import log_error
from django_vton.web.button_visibility import visibility

register = template.Library()

P = ParamSpec("P")

BUTTON_TEMPLATE = "vton/tryon.html"
RENDERER_KEY = "django_vton.button_renderer"
URL_SAFE_REF = re.compile(r"[\w.:-]+", re.ASCII)
"""The product references that need no quoting in a URL."""

LAZY_MODULES = ("dialog", "api", "photo", "choose", "tryon")
"""The scripts that the button imports on the first click, in the order that `open()` in dialog.js uses."""

ATTRIBUTES = ("cart", "price", "variant", "cart_label")
"""The optional arguments of `{% tryon %}`. Each given argument becomes an attribute of the element."""

PLACEHOLDERS = {name: f"{{{name} of any product}}" for name in ("title", *ATTRIBUTES)} | {
    "ref": "vton.any:product"
}
"""The texts that stand for a product's values in the HTML that `ButtonRenderer` caches."""
PLACEHOLDER_PATTERN = re.compile("|".join(map(re.escape, PLACEHOLDERS.values())))


def _empty_on_error(message: str) -> Callable[[Callable[P, SafeString]], Callable[P, SafeString]]:
    """Let a tag render nothing if it raises an error, which is logged. With DEBUG, the error is raised.

    There is no savepoint, since it would cost each button two queries. The tags make none without their own.
    """

    def decorate(tag: Callable[P, SafeString]) -> Callable[P, SafeString]:
        @wraps(tag)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> SafeString:
            try:
                return tag(*args, **kwargs)
            except Exception:
                if settings.DEBUG:
                    raise
                log_error(message)
                return SafeString()

        return wrapper

    return decorate


@register.simple_tag(takes_context=True)
def tryon(
    context: Context,
    product: Any,
    cart: str = "",
    price: Any = "",
    variant: Any = "",
    cart_label: Any = "",
) -> SafeString:
    """Render the button of a product: a link, inside the element that opens the dialog.

    `cart` is the id of the page's own form, link or button that adds the product to the cart. The dialog
    shows `price`, `variant` (the selected variant in words, such as "Blue, M") and `cart_label` (the shop's
    own text for "Add to cart"), formatted like `{{ price }}`.

    Render nothing if the product is not enabled (with DEBUG, a comment that says why), and a short notice if
    the budget is used up. The tag reads no session, user or token, so that the page can be cached.

    An error, such as one of the shop's `TryOn`, is logged and hides the button. With DEBUG, it is raised.
    """
    values = dict(zip(ATTRIBUTES, (cart, price, variant, cart_label), strict=True))
    return button(_renderer(context), product, values, use_l10n=context.use_l10n)


@_empty_on_error("A try-on button could not be rendered.")
def button(  # noqa: PLR0911 - one for each reason to show no button
    renderer: ButtonRenderer, product: Any, values: dict[str, Any], *, use_l10n: bool | None = None
) -> SafeString:
    """Return what `{% tryon %}` renders for a product and the values of `ATTRIBUTES`."""
    if not isinstance(product, Model):
        return _no_button("this is no instance of a model")
    if renderer.hidden_reason not in {"", "budget_exhausted"}:
        return _no_button(f"try-on refuses requests ({renderer.hidden_reason}); see manage.py vton_doctor")
    if product.pk is not None and reference(product) in renderer.unusable_products:
        # Before the shop's own code is called, which may be what fails.
        return _no_button("the image cannot be used; see manage.py vton_doctor --products")
    described = describe(product)
    if described is None:
        return _no_button("its TryOn returns False from is_enabled, or no image from get_image")
    if renderer.hidden_reason:
        return render_to_string("vton/budget_reached.html")
    if renderer.stopped_engines and renderer.stopped_engines.issuperset(engine_names(described)):
        return _no_button("its engine is stopped; see manage.py vton_doctor")
    texts = {name: _text(value, use_l10n=use_l10n) for name, value in values.items()}
    return renderer.render(described, {name: text for name, text in texts.items() if text})


class _Comment(SafeString):
    """A text that is false, so that `{% if %}` does the same with and without DEBUG."""

    def __bool__(self) -> bool:
        return False


def _no_button(reason: str) -> SafeString:
    """Return nothing or, with DEBUG, an HTML comment with the reason."""
    return _Comment(f"<!-- No try-on button: {reason}. -->" if settings.DEBUG else "")


class ButtonRenderer:
    """Renders the buttons of a page, and caches their HTML, since a page can list hundreds of products."""

    def __init__(self) -> None:
        self.hidden_reason, self.unusable_products, self.stopped_engines = visibility()
        self._cache: dict[tuple[str, ...], str] = {}

    def render(self, described: DescribedProduct, attributes: dict[str, str]) -> SafeString:
        """Return the button of one product. The values of `attributes` must not be empty."""
        ref = described.ref
        if not URL_SAFE_REF.fullmatch(ref) or not self._is_our_template:
            return _button(described, attributes)
        key = (described.kind, _lang(), *attributes)
        if (cached := self._cache.get(key)) is None:
            title = PLACEHOLDERS["title"]
            any_product = SimpleNamespace(kind=described.kind, ref=PLACEHOLDERS["ref"], title=title)
            cached = _button(any_product, {name: PLACEHOLDERS[name] for name in attributes})
            self._cache[key] = cached
        values: dict[str, str] = {PLACEHOLDERS[name]: escape(text) for name, text in attributes.items()}
        values |= {PLACEHOLDERS["ref"]: ref, PLACEHOLDERS["title"]: conditional_escape(described.title)}
        # In a single pass, so that a placeholder in the shop's own text is not replaced.
        return SafeString(PLACEHOLDER_PATTERN.sub(lambda match: values[match[0]], cached))

    @cached_property
    def _is_our_template(self) -> bool:
        """Whether the template is ours. A shop's own template might use other values of the product."""
        found: Any = get_template(BUTTON_TEMPLATE)
        return Path(found.origin.name).is_relative_to(Path(__file__).parents[1])


def _renderer(context: Context) -> ButtonRenderer:
    """Return the page's renderer, which is shared with the templates that the page includes."""
    shared: dict[Any, Any] = context.render_context.dicts[0]
    if RENDERER_KEY not in shared:
        shared[RENDERER_KEY] = ButtonRenderer()
    renderer: ButtonRenderer = shared[RENDERER_KEY]
    return renderer


def _button(described: Any, attributes: dict[str, str]) -> SafeString:
    modules = " ".join(static(f"vton/{name}.js") for name in LAZY_MODULES)
    context = {"product": described, **attributes, "lang": _lang(), "modules": modules}
    return render_to_string(BUTTON_TEMPLATE, context)


def _text(value: Any, *, use_l10n: bool | None) -> str:
    """Return what `{{ value }}` prints, without the HTML that, for example, a filter for money adds."""
    if value is None:
        return ""
    if hasattr(value, "__html__"):
        return unescape(strip_tags(value.__html__())).strip()
    return str(localize(value, use_l10n=use_l10n)).strip()


@register.simple_tag(takes_context=True)
@_empty_on_error("The script of the try-on buttons could not be rendered.")
def tryon_assets(context: Context | Mapping[str, Any]) -> SafeString:
    """Render the stylesheet and script of the button and the badge, for the shop's base template.

    An error, such as a missing entry in the manifest of static files, is handled as by `{% tryon %}`.
    """
    return render_to_string("vton/assets.html", {"nonce": csp_nonce(context), "lang": _lang()})


@register.simple_tag
def tryon_url(name: str, *args: Any, **query: Any) -> str:
    """Return the URL of one of our pages, such as "history". Unlike `{% url %}`, it keeps the language."""
    return localized_url(name, *args, **query)


@register.simple_tag
@_empty_on_error("The published try-ons of a product could not be rendered.")
def tryon_gallery(product: Any) -> SafeString:
    """Render a product's published images, each labeled as AI-generated. This costs one query.

    An error is handled as by `{% tryon %}`.
    """
    described = describe(product) if isinstance(product, Model) else None
    if described is None:
        return SafeString()
    published = TryOnImage.objects.from_replica()
    with database.savepoint(published.db):
        images = list(published.published_for(described.ref))
    if not images:
        return SafeString()
    return render_to_string("vton/gallery.html", {"product": described, "images": images})


def _lang() -> str:
    """Return the page's language. The scripts request the API's texts in this language."""
    return get_language() or settings.LANGUAGE_CODE


def csp_nonce(context: Context | Mapping[str, Any]) -> str:
    """Return the request's CSP nonce, or "" if the shop's policy has none.

    The nonce is read only if the policy uses nonces. Otherwise reading it would make django-csp 3 add it to
    the policy, and browsers would then ignore 'unsafe-inline', which other scripts of the shop may need.
    """
    if (nonce := context.get("csp_nonce")) is not None:  # Set by Django 6's context processor.
        return str(nonce)
    request: HttpRequest | None = context.get("request")
    nonce = getattr(request, "csp_nonce", None)
    return str(nonce) if nonce is not None and _policy_has_nonces() else ""


def _policy_has_nonces() -> bool:
    """Return whether django-csp uses nonces: by a setting in version 3, by a policy's source in version 4."""
    policies = [
        getattr(settings, name, None) or {}
        for name in ("CONTENT_SECURITY_POLICY", "CONTENT_SECURITY_POLICY_REPORT_ONLY")
    ]
    sources = [str(value) for policy in policies for value in policy.get("DIRECTIVES", {}).values()]
    return bool(getattr(settings, "CSP_INCLUDE_NONCE_IN", None)) or any(
        "NONCE" in source for source in sources
    )
