"""A shop with the package's default limits, and clients without cookies."""

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
from tests.live_shop import MANAGE

from .deployment import Deployment

MAX_REQUESTS = 20_000
"""The number of requests of one attack is limited on fast machines."""
DAILY_BUDGET = float(Config.DAILY_BUDGET or 0)
TRY_ONS = "/try-on/api/try-ons/"
PAGES = ("/", "/products/linen-shirt/")
PRODUCT = "shop.product:1"
FIVE_IMAGES = {"product": PRODUCT, "consent": "true", "options": json.dumps({"num_samples": 5})}
"""Form fields of a try-on of five images."""
UNSET = dict.fromkeys(("VTON_QUOTA", "VTON_IP_QUOTA", "VTON_IN_FLIGHT"), "")


@contextmanager
def shop(vton: Mapping[str, Any] | None = None) -> Iterator[Deployment]:
    """A shop with a daily budget, two sync workers of gunicorn and a qcluster."""
    env = {**UNSET, "VTON_DAILY_BUDGET": f"{DAILY_BUDGET:g}"}
    with Deployment(seconds=1, vton=vton, env=env) as deployment:
        deployment.run_python(str(MANAGE), "seed_demo")
        binds = ["--bind", f"127.0.0.1:{deployment.port}", "--bind", f"unix:{_socket(deployment)}"]
        command = ["-m", "gunicorn", "config.wsgi", "--workers", "2", "--no-control-socket"]
        deployment.spawn("web", sys.executable, *command, *binds)
        deployment.start_workers()
        with client(deployment) as http:  # Enough requests that both workers have loaded the application.
            for page in itertools.islice(itertools.cycle(PAGES), 8):
                http.get(page).raise_for_status()
        yield deployment


def _socket(deployment: Deployment) -> str:
    return str(deployment.folder / "web.sock")


def client(deployment: Deployment, *, through_socket: bool = False) -> httpx.Client:
    """An HTTP client for this shop."""
    transport = httpx.HTTPTransport(uds=_socket(deployment) if through_socket else None, retries=20)
    return httpx.Client(base_url=deployment.url, transport=transport, timeout=60, trust_env=False)


def csrf_headers() -> dict[str, str]:
    """Headers that pass the CSRF check: a client that has no cookie may invent one."""
    token = secrets.token_hex(16)
    return {"Cookie": f"csrftoken={token}", "X-CSRFToken": token}


def post_tryon(http: httpx.Client, headers: Mapping[str, str], **body: Any) -> str:
    """Order a try-on as a new guest; returns the status and error code of the response."""
    http.cookies.clear()
    try:
        return status_and_code(http.post(TRY_ONS, headers=headers, **body))
    except httpx.TransportError as error:
        return type(error).__name__


def status_and_code(response: httpx.Response) -> str:
    """For example "429 quota_exceeded"."""
    code = ""
    with suppress(ValueError, AttributeError):
        code = response.json().get("code", "")
    return f"{response.status_code} {code}".strip()
