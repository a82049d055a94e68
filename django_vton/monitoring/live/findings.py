"""What a step of the first contact has found, and what the steps share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from urllib.parse import urlsplit

from ...conf import config
from ...gateway import links
from ...gateway.client import NO_RENDER
from ...intake import PreparedRender
from ...pixazo import Engine
from ...pixazo.probe import Probe, send_probe
from ...pixazo.transport import KEY_HEADER
from ...utils.tokens import new_token


@dataclass(frozen=True)
class Finding:
    """The result of one step, in English and without secrets."""

    step: str
    text: str
    """What was found."""
    remedy: str = ""
    """What to do, or "" if nothing is wrong."""
    is_warning: bool = False
    """Whether the try-on can be made all the same."""

    @property
    def words(self) -> str:
        """What was found and what to do."""
        text = self.text if self.text.endswith((".", "!", "?")) else f"{self.text}."
        return f"{text} {self.remedy}".strip()

    @property
    def is_problem(self) -> bool:
        """Whether this is the thing to mend."""
        return bool(self.remedy) and not self.is_warning


@dataclass
class Contact:
    """What was asked for, and what the steps have found. A probe is sent once, when it is first needed."""

    engine: Engine
    product: str = ""
    """A reference; "" for any product of the engine."""
    house_model: str = ""
    """A name or id; "" for any house model that suits the product."""
    has_split_dns: bool = False
    """Whether the shop's name has a public address outside of this network, and another one inside."""
    prepared: PreparedRender | None = None

    @property
    def gateway_host(self) -> str:
        """The host name of the gateway."""
        return urlsplit(config.PIXAZO_BASE_URL).hostname or ""

    @property
    def shop_host(self) -> str:
        """The host name of the shop, as the vendor sees it."""
        return urlsplit(config.PUBLIC_BASE_URL).hostname or ""

    @cached_property
    def gateway_probe(self) -> Probe:
        """A poll of a render that does not exist. It needs the key."""
        request = self.engine.status_request(NO_RENDER)
        url = config.PIXAZO_BASE_URL.rstrip("/") + request.path
        headers = {KEY_HEADER: config.PIXAZO_API_KEY, "Accept": "application/json"}
        return asyncio.run(send_probe(request.method, url, headers=headers, json=request.json))

    @property
    def gateway_lag(self) -> timedelta:
        """By how much the gateway's clock is behind this host's, to the second. Zero if it is unknown."""
        theirs = self.gateway_probe.server_time
        if theirs is None:
            return timedelta(0)
        return datetime.fromtimestamp(self.gateway_probe.received_at, UTC) - theirs

    @cached_property
    def token(self) -> str:
        """A token that no link has. Only this shop can give its `shop_proof`."""
        return new_token()

    @cached_property
    def files_probe(self) -> Probe:
        """A request as the vendor sends it for an image, to the shop's public URL."""
        return self.probe_shop("GET", links.public_url("vendor-file", self.token))

    @cached_property
    def webhooks_probe(self) -> Probe:
        """A request as the vendor sends it for a callback, to the shop's public URL."""
        return self.probe_shop("POST", links.public_url("callback", self.token))

    @staticmethod
    def probe_shop(method: str, url: str) -> Probe:
        """Send a request to the shop."""
        return asyncio.run(send_probe(method, url, json={} if method == "POST" else None))
