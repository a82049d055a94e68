"""Helpers for the tests of the batch admin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django_vton.models import Batch

from .conftest import get_page, post_messages

if TYPE_CHECKING:
    from django.test import Client

LIST, ADD, CHANGE = "admin:vton_batch_changelist", "admin:vton_batch_add", "admin:vton_batch_change"
PRODUCTS, REVIEW = "admin:vton_batch_products", "admin:vton_batch_review"
PROGRESS = "admin:vton_batch_progress"


def action_url_name(name: str) -> str:
    return f"admin:vton_batch_{name}"


def start_batch(client: Client, batch: Batch, **changes: Any) -> list[str]:
    """Read the price on the page of a draft, start it, and return the messages."""
    html = get_page(client, CHANGE, batch.pk)
    (price,) = re.findall(r'name="max_price" value="(\d+)"', html)
    selected = [str(pk) for pk in batch.house_models.values_list("pk", flat=True)]
    data = {"name": batch.name, "house_models": selected, "max_price": price, "do": "start", **changes}
    return post_messages(client, CHANGE, data, batch.pk)


def outdated(status: str) -> str:
    """Return the message after a click on a page that was out of date."""
    return f"Nothing was changed, since this page was out of date. The batch is now: {status}."


def get_batch_status(batch: Batch) -> str:
    return Batch.objects.get(pk=batch.pk).status


def product_refs(html: str) -> list[str]:
    """Return the products that the selection page shows."""
    return re.findall(r'name="product" value="([^"]+)"', html)
