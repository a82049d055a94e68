"""System checks, tagged `vton`: settings, storage, products, queue, URLs, middleware, deployment."""

from __future__ import annotations

from django.core import checks

from .deploy import check_deploy
from .queue import check_queue
from .requests import check_requests
from .settings import check_products, check_proxies, check_settings
from .storage import check_storage
from .urls import check_urls

__all__ = ["register"]


def register() -> None:
    """Register all checks; `VtonConfig.ready` calls this."""
    for check in (check_settings, check_products, check_storage, check_urls, check_queue, check_requests):
        checks.register(check, "vton")
    checks.register(check_proxies, checks.Tags.database)
    checks.register(check_deploy, "vton", deploy=True)
