"""Tags for the package's own templates: the language of our words, dates, and the CSP nonce."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from django_vton.utils.languages import direction, override_interface_language

from .vton import csp_nonce

register = template.Library()


class WordsNode(template.Node):
    """Renders its content in the interface language: the page's if we have a translation, else English."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Render with `vton_lang` and `vton_dir`, for the `lang` and `dir` attributes of the content."""
        with (
            override_interface_language() as language,
            context.push(vton_lang=language, vton_dir=direction(language)),
        ):
            return self.nodelist.render(context)


register.simple_tag(csp_nonce, takes_context=True, name="tryon_nonce")


@register.filter
def tryon_moment(value: datetime, form: str = "DATE_FORMAT") -> str:
    """Format a date and time. Some of Django's languages, such as Arabic, have no DATETIME_FORMAT."""
    local = localtime(value)
    return f"{date_format(local, form)} {date_format(local, 'TIME_FORMAT')}"


@register.tag
def tryon_words(parser: Parser, _token: Token) -> WordsNode:
    """Render the content in one language: the page's if our words are translated into it, else English.

    `{% tryon_url %}` and `{{ product.title }}` still use the page's language. Do not use `{% url %}` in the
    content, since it would use the language prefix of our words.
    """
    nodelist = parser.parse(("endtryon_words",))
    parser.delete_first_token()
    return WordsNode(nodelist)
