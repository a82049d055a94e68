"""Drafts of legal documents in English Markdown, which say what the package does under these settings.

The texts are the templates in `vton/legal/`. After each statement about behaviour, an HTML comment names the
test that proves it. Other statements end with the comment "for the lawyer" or "Pixazo's documents".
"""

from __future__ import annotations

import re
from decimal import Decimal
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.files.storage import FileSystemStorage
from django.template.loader import render_to_string
from django.utils import translation

from .. import __version__
from ..conf import DEFAULT_CONSENT_TEXT, config
from ..gateway import transcripts
from ..gateway.engines import engines
from ..messages import format_duration
from ..storage import storage_by_alias
from .retention import ACCESS_LOG_RETENTION, UNKEPT_PHOTO_RETENTION

DOCUMENTS = (
    "record-of-processing",
    "impact-assessment",
    "processors",
    "illinois-biometrics",
    "ai-notice",
    "accessibility-statement",
)
"""The names of the drafts, without ".md"."""


def render_documents() -> dict[str, str]:
    """Return the drafts by file name, such as "ai-notice.md". They contain no key, path or secret URL."""
    with translation.override("en"):
        context = _times() | _limits() | _texts() | _recipients()
        pages = {name: render_to_string(f"vton/legal/{name}.md", context) for name in DOCUMENTS}
    return {f"{name}.md": _without_surplus_lines(page) for name, page in pages.items()}


def _without_surplus_lines(page: str) -> str:
    """Remove the empty lines that tags leave behind, also between the items of a list."""
    page = re.sub(r"\n{3,}", "\n\n", page)
    return re.sub(r"^(- .*\n)\n(?=- )", r"\1", page, flags=re.MULTILINE).strip() + "\n"


def _times() -> dict[str, str]:
    """Return how long data is kept, in words, and what deletes it."""
    return {
        "unkept_for": format_duration(min(UNKEPT_PHOTO_RETENTION, config.PHOTO_RETENTION)),
        "photo_for": format_duration(config.PHOTO_RETENTION),
        "result_for": format_duration(config.RESULT_RETENTION),
        "access_log_for": format_duration(ACCESS_LOG_RETENTION),
        "queue": {None: "django-q2", "django_vton.queue.no_queue": "none"}.get(config.ENQUEUE, ""),
        "transcript_for": format_duration(transcripts.RETENTION) if config.TRANSCRIPT else "",
    }


def _limits() -> dict[str, Any]:
    """Return quotas, budgets in words (or "" without one), and which hooks are set."""
    return {
        "quota": config.quota,
        "ip_quota": config.ip_quota,
        "in_flight": config.IN_FLIGHT,
        "daily_budget": _usd(config.DAILY_BUDGET),
        "monthly_budget": _usd(config.MONTHLY_BUDGET),
        "has_captcha": bool(config.CAPTCHA),
        "has_moderation": bool(config.MODERATE),
    }


def _usd(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f} USD"


def _texts() -> dict[str, Any]:
    """Return what the shopper is told, and facts about the shop."""
    return {
        "version": __version__,
        "shop": _host(config.PUBLIC_BASE_URL),
        "is_enabled": config.ENABLED,
        "is_sandbox": config.is_sandbox,
        "consent_text": " ".join(str(config.CONSENT_TEXT).split()),
        "consent_version": config.CONSENT_VERSION,
        "is_default_consent": config.CONSENT_TEXT == DEFAULT_CONSENT_TEXT,
        "privacy_url": config.PRIVACY_URL,
        "has_phone_links": find_spec("segno") is not None,
        "has_mark": config.MARK is not None,
        "is_signed": bool(config.C2PA_CERTIFICATE and config.C2PA_KEY),
        "reviewers": 2 if config.REVIEW_BY_TWO else 1,
    }


def _recipients() -> dict[str, Any]:
    """Return where data goes: class and host names only, since a path or a query can be secret."""
    storage = storage_by_alias(config.STORAGE or "")
    found = engines().values()
    return {
        "gateway": _host(config.PIXAZO_BASE_URL),
        "uses_callbacks": config.uses_callbacks,
        "engines_by_link": ", ".join(str(each.label) for each in found if each.images_as == "url"),
        "moderation_levels": [
            (each.label, level)
            for each in found
            if (level := each.own_photo_defaults.get("moderation_level"))
        ],
        "engines_by_body": ", ".join(str(each.label) for each in found if each.images_as == "base64"),
        "result_hosts": None if config.RESULT_HOSTS is None else ", ".join(config.RESULT_HOSTS),
        "storage": type(storage).__name__,
        "is_local_storage": isinstance(storage, FileSystemStorage),
        "notify_host": _host(config.NOTIFY_URL),
    }


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
