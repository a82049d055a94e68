"""The template tags as functions, for shops whose templates are written for Jinja2."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

from ..templatetags import vton


class TryOnExtension(Extension):
    """Adds `tryon()`, `tryon_assets()`, `tryon_gallery()` and `tryon_url()` to the templates.

    The functions take the arguments of the template tags. The buttons of a page share their queries if it is
    rendered with a request.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals |= {
            "tryon": _tryon,
            "tryon_assets": pass_context(vton.tryon_assets),
            "tryon_gallery": vton.tryon_gallery,
            "tryon_url": vton.tryon_url,
        }


@pass_context
def _tryon(
    context: Context, product: Any, cart: str = "", price: Any = "", variant: Any = "", cart_label: Any = ""
) -> SafeString:
    values = {"cart": cart, "price": price, "variant": variant, "cart_label": cart_label}
    return vton.button(_renderer(context), product, values)


def _renderer(context: Context) -> vton.ButtonRenderer:
    """Return the request's renderer, or a new one if there is no request."""
    shared: dict[str, Any] = getattr(context.get("request"), "__dict__", {})
    if vton.RENDERER_KEY not in shared:
        shared[vton.RENDERER_KEY] = vton.ButtonRenderer()
    renderer: vton.ButtonRenderer = shared[vton.RENDERER_KEY]
    return renderer
