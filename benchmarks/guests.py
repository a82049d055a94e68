"""A shop with the package's own limits, and callers without cookies, for `abuse` and `uploading`."""

from __future__ import annotations

import itertools
import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from django_vton.conf import Config
from tests.running import MANAGE

from .lab import Lab

MOST = 20_000
"""Requests of one attack, however fast the machine is."""
CAP = float(Config.DAILY_BUDGET or 0)
TRY_ONS = "/try-on/api/try-ons/"
PAGES = ("/", "/products/linen-shirt/")
PRODUCT = "shop.product:1"
FIVE = {"product": PRODUCT, "consent": "true", "options": json.dumps({"num_samples": 5})}
"""The fields of a try-on of five pictures."""
UNSET = dict.fromkeys(("VTON_QUOTA", "VTON_IP_QUOTA", "VTON_IN_FLIGHT"), "")


@contextmanager
def shop(vton: Mapping[str, Any] | None = None) -> Iterator[Lab]:
    """Two sync workers of gunicorn and a qcluster. The cap is set: the example shop itself has none."""
    with Lab(seconds=1, vton=vton, env={**UNSET, "VTON_DAILY_BUDGET": f"{CAP:g}"}) as lab:
        lab.python(str(MANAGE), "seed_demo")
        binds = ["--bind", f"127.0.0.1:{lab.port}", "--bind", f"unix:{_socket(lab)}"]
        command = ["-m", "gunicorn", "config.wsgi", "--workers", "2", "--no-control-socket"]
        lab.spawn("web", sys.executable, *command, *binds)
        lab.start_workers()
        with client(lab) as shopper:  # Enough pages that both workers have loaded the application.
            for page in itertools.islice(itertools.cycle(PAGES), 8):
                shopper.get(page).raise_for_status()
        yield lab


def _socket(lab: Lab) -> str:
    return str(lab.folder / "web.sock")


def client(lab: Lab, *, through_socket: bool = False) -> httpx.Client:
    """A client of this shop."""
    transport = httpx.HTTPTransport(uds=_socket(lab) if through_socket else None, retries=20)
    return httpx.Client(base_url=lab.url, transport=transport, timeout=60, trust_env=False)


def csrf() -> dict[str, str]:
    """Headers that pass the CSRF check: callers without a cookie may make one up."""
    token = secrets.token_hex(16)
    return {"Cookie": f"csrftoken={token}", "X-CSRFToken": token}


def post(caller: httpx.Client, headers: Mapping[str, str], **body: Any) -> str:
    """Order a try-on as nobody the client has been before; returns the answer's status and code."""
    caller.cookies.clear()
    try:
        return words(caller.post(TRY_ONS, headers=headers, **body))
    except httpx.TransportError as trouble:
        return type(trouble).__name__


def words(answer: httpx.Response) -> str:
    """The status of an answer, and why it was a refusal."""
    code = ""
    with suppress(ValueError, AttributeError):
        code = answer.json().get("code", "")
    return f"{answer.status_code} {code}".strip()
