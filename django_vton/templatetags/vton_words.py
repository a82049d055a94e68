"""Tags of the package's own templates: their words, whole in one language, and the nonce of their scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils.formats import date_format
from django.utils.timezone import localtime

from django_vton.utils.languages import direction, speaking

from .vton import csp_nonce

if TYPE_CHECKING:
    from datetime import datetime

    from django.template.base import NodeList, Parser, Token
    from django.template.context import Context, RequestContext
    from django.utils.safestring import SafeString

register = template.Library()


class WordsNode(template.Node):
    """Renders what it holds in the language that we can speak: the page's, or English."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """With `vton_lang` and `vton_dir`, for the attributes of the elements in it."""
        with speaking() as language, context.push(vton_lang=language, vton_dir=direction(language)):
            return self.nodelist.render(context)


@register.simple_tag(takes_context=True)
def tryon_nonce(context: RequestContext) -> str:
    """The request's CSP nonce; "" where the policy has none."""
    return csp_nonce(context)


@register.filter
def tryon_moment(value: datetime, form: str = "DATE_FORMAT") -> str:
    """Date and time. Some of Django's languages, Arabic for one, have no format for both at once."""
    local = localtime(value)
    return f"{date_format(local, form)} {date_format(local, 'TIME_FORMAT')}"


@register.tag
def tryon_words(parser: Parser, _token: Token) -> WordsNode:
    """In a language that nobody has translated our words into, all of them are English.

    In it `{% tryon_url %}` leads to pages in the page's language, and `{{ product.title }}` is the shop's.
    Use no `{% url %}` in it: it would lead under the language prefix of our words.
    """
    nodelist = parser.parse(("endtryon_words",))
    parser.delete_first_token()
    return WordsNode(nodelist)
