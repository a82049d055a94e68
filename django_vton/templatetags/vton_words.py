"""Tags for the package's own templates: the interface language, dates, and the CSP nonce."""

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
    """Renders its content in the interface language (see `utils.languages`)."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Render the content, with `vton_lang` and `vton_dir` for its `lang` and `dir` attributes."""
        with (
            override_interface_language() as language,
            context.push(vton_lang=language, vton_dir=direction(language)),
        ):
            return self.nodelist.render(context)


register.simple_tag(csp_nonce, takes_context=True, name="tryon_nonce")


@register.filter
def tryon_moment(value: datetime, form: str = "DATE_FORMAT") -> str:
    """Format a date and time. DATETIME_FORMAT is not used, since some languages such as Arabic have none."""
    local = localtime(value)
    return f"{date_format(local, form)} {date_format(local, 'TIME_FORMAT')}"


@register.tag
def tryon_words(parser: Parser, _token: Token) -> WordsNode:
    """Render the content in the page's language if our texts are translated into it, otherwise in English.

    `{% tryon_url %}` and `{{ product.title }}` still use the page's language. Do not use `{% url %}` in the
    content, since it would use the prefix of the interface language.
    """
    nodelist = parser.parse(("endtryon_words",))
    parser.delete_first_token()
    return WordsNode(nodelist)
