"""Search try-ons in a very large table: by indexed values first, then by the words of the title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os.path import commonprefix
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet

from .. import products
from ..models import Attempt

ID_PREFIX = re.compile(r"[0-9a-f]{8,32}", re.ASCII)
"""An id or its first characters, as the admin shows them. A shorter term can be a word, such as "facade"."""

MAX_MATCHES = 50
"""The maximum number of try-ons with one vendor id. An id is unique within its engine, so this is ample."""


def search_tryons(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Return the rows with this vendor id, id or product. If there are none, search the titles."""
    term = term.strip().replace("\0", "")
    if not term:
        return rows
    sent = Attempt.objects.filter(vendor_id=term).values_list("request_id", flat=True)[:MAX_MATCHES]
    if keys := list(sent):
        return rows.filter(pk__in=keys)
    hexadecimal = term.replace("-", "").lower()
    if ID_PREFIX.fullmatch(hexadecimal):
        found = _by_id_prefix(rows, hexadecimal)
        if found.exists():
            return found
    found = rows.filter(product__in=list(_references(term)))
    if found.exists():
        return found
    for word in term.split():
        rows = rows.filter(product_title__icontains=word)
    return rows


def _by_id_prefix(rows: QuerySet[Any], prefix: str) -> QuerySet[Any]:
    first, last = (UUID(prefix.ljust(32, digit)) for digit in "0f")
    if connections[rows.db].vendor == "mysql" and first != last:
        # MariaDB sorts UUIDs by their last group, so a range does not select a prefix.
        return rows.filter(pk__startswith=commonprefix([str(first), str(last)]))  # noqa: RUF071 - compares characters on purpose
    return rows.filter(pk__range=(first, last))


def _references(term: str) -> Iterator[str]:
    """Yield the product references that a term such as "shop.product:42", "product:42" or "42" can mean."""
    yield term
    name, _colon, key = term.rpartition(":")
    for model in products.registered():
        label = model._meta.label_lower
        if label.endswith(name.lower()):
            yield f"{label}:{key}"
