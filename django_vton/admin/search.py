"""Finding a try-on among a million: by what an index knows, and by words only where nothing else fits."""

from __future__ import annotations

import re
from os.path import commonprefix
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connections

from .. import products
from ..models import Attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

ID = re.compile(r"[0-9a-f]{8,32}", re.ASCII)
"""An id, or its beginning as the admin shows it; shorter ones are words, such as "facade"."""

MOST = 50
"""So many of one vendor's id: it is unique with its engine."""


def find(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """The rows of a vendor's id, an id, a product's number, or else a title with all the words."""
    term = term.strip().replace("\0", "")
    if not term:
        return rows
    sent = Attempt.objects.filter(vendor_id=term).values_list("request_id", flat=True)[:MOST]
    if keys := list(sent):
        return rows.filter(pk__in=keys)
    hexadecimal = term.replace("-", "").lower()
    if ID.fullmatch(hexadecimal):
        found = _of_id(rows, hexadecimal)
        if found.exists():
            return found
    found = rows.filter(product__in=list(_references(term)))
    if found.exists():
        return found
    for word in term.split():
        rows = rows.filter(product_title__icontains=word)
    return rows


def _of_id(rows: QuerySet[Any], begun: str) -> QuerySet[Any]:
    """Those whose id begins so."""
    first, last = (UUID(begun.ljust(32, digit)) for digit in "0f")
    if connections[rows.db].vendor == "mysql" and first != last:
        # MariaDB sorts ids by their last part, so that no range and no index knows how one begins.
        return rows.filter(pk__startswith=commonprefix([str(first), str(last)]))  # noqa: RUF071 - of characters it is meant
    return rows.filter(pk__range=(first, last))


def _references(term: str) -> Iterator[str]:
    """The products that may be meant: "shop.product:42", "product:42" or 42."""
    yield term
    name, _colon, key = term.rpartition(":")
    for model in products.registered():
        label = model._meta.label_lower
        if label.endswith(name.lower()):
            yield f"{label}:{key}"
