"""Sends a request to the shop, as a browser with cookies, always with the same photo."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from ..live_shop import phone_photo
from ..tryons import TRY_ONS, uploaded_photo


def send_request(
    method: str,
    path: str = TRY_ONS,
    *,
    cookies: dict[str, str],
    headers: dict[str, str] | None = None,
    photo: bool = False,
    **values: Any,
) -> int:
    """Return the response's status code. An error in the view is a 500, as for a browser."""
    client = Client(raise_request_exception=False)
    client.cookies.load(cookies)
    if photo:
        file = uploaded_photo(phone_photo(300, 400))
        response = client.post(path, {**values, "photo": file}, headers=headers)
    else:
        response = client.generic(method, path, json.dumps(values), "application/json", headers=headers)
    return int(response.status_code)
