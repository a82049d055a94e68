"""System checks, tagged `vton`: settings, storage, products, queue, URLs, middleware, deployment."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags
from django.core.checks import register as register_check

from .databases import check_routers, check_sqlite
from .deploy import check_deploy
from .queue import check_queue
from .requests import check_requests
from .settings import check_products, check_proxies, check_settings, find_setting_errors
from .storage import check_storage
from .urls import check_urls


def register() -> None:
    """Register all checks. `VtonConfig.ready` calls this."""
    register_check(check_configuration, "vton")
    register_check(check_requests, "vton")
    register_check(check_proxies, Tags.database)
    register_check(check_deploy, "vton", deploy=True)


def check_configuration(**_kwargs: Any) -> list[CheckMessage]:
    """E001: a wrong name or value in VTON. The other checks need valid settings."""
    if errors := find_setting_errors():
        return [Error(text if text.endswith("?") else f"{text}.", id="vton.E001") for text in errors]
    return [
        *(*check_settings(), *check_products(), *check_storage()),
        *(*check_routers(), *check_sqlite(), *check_urls(), *check_queue()),
    ]
