"""Who comes in through the web server's doors: one browser with its cookies, and always the same photo."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from ..doors import TRY_ONS, upload
from ..running import phone_photo


def call(
    method: str,
    path: str = TRY_ONS,
    *,
    cookies: dict[str, str],
    headers: dict[str, str] | None = None,
    photo: bool = False,
    **values: Any,
) -> int:
    """One request; the answer's status. An error in the view is a 500, as for a browser."""
    client = Client(raise_request_exception=False)
    client.cookies.load(cookies)
    if photo:
        picture = upload(phone_photo(300, 400))
        answer = client.post(path, {**values, "photo": picture}, headers=headers)
    else:
        answer = client.generic(method, path, json.dumps(values), "application/json", headers=headers)
    return int(answer.status_code)
