"""The API's OpenAPI document and its routes."""

from __future__ import annotations

import json
import re
from functools import cache
from io import StringIO
from typing import Any

from django.core.management import call_command

from django_vton.web.api import urls

PREFIX = "/try-on/api/"


def _routes() -> list[tuple[str, str]]:
    found = []
    for pattern in urls.urlpatterns:
        if pattern.name:
            path = PREFIX + re.sub(r"<\w+:\w+>", "{id}", str(pattern.pattern))
            view = pattern.callback.cls()
            found += [(method, path) for method in view.allowed_methods if method not in {"HEAD", "OPTIONS"}]
    return found


ROUTES = _routes()
"""The method and path of every view."""


@cache
def document() -> dict[str, Any]:
    """Return the document as the command writes it. Raises if it is invalid or causes a warning."""
    out = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, format="openapi-json", stdout=out)
    return dict(json.loads(out.getvalue()))
