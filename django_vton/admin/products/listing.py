"""Which products the page lists, in which order, and what it shows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from ...batches.existing import rendered_products
from ...batches.review import outdated_products
from ...batches.search import ProductSearch
from ...models import ProductCheck, Publication
from ...utils.money import format_usd
from .. import display
from ..batches.product_search import ProductCard, product_cards
from .totals import TOTALS, totals_by_product

COLUMNS = {
    "name": gettext_lazy("product"),
    "try_ons": gettext_lazy("try-ons"),
    "current": gettext_lazy("renders"),
    "cost": gettext_lazy("cost"),
    "likes": gettext_lazy("likes"),
    "bought": gettext_lazy("conversions"),
}
"""The columns by which the page sorts: names from A to Z, totals from the largest. A minus reverses it."""

MAX_SELECTED = 5_000
"""The largest number of products for which the totals of these products are faster than those of all."""

STATUSES = {
    "usable": pgettext_lazy("vton product", "usable"),
    "unusable": pgettext_lazy("vton product", "cannot be used"),
    "missing": gettext_lazy("without renders"),
    "outdated": gettext_lazy("with outdated renders"),
    "published": gettext_lazy("with renders in the shop"),
}
"""The values of the filter, besides the reasons of `ProductCheck`."""


@dataclass(frozen=True)
class ProductListing:
    """The products that match the query string of the page."""

    search: ProductSearch
    status: str
    sort: str

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> ProductListing:
        """Return the listing for the query string. Ignore invalid values."""
        search = ProductSearch(query.get("q", "").replace("\0", "").strip()[:200], query.get("model", ""))
        status, sort = query.get("status", ""), query.get("sort", "")
        return cls(
            search,
            status if status in STATUSES or status in ProductCheck.Reason.values else "",
            sort if sort.removeprefix("-") in COLUMNS else "",
        )

    @property
    def is_filtered(self) -> bool:
        """Whether some products may be left out."""
        return self.search.is_filtered or bool(self.status)

    def refs(self) -> list[str]:
        """Return the references of all products of the listing, in its order."""
        column, is_reversed = self.sort.removeprefix("-"), self.sort.startswith("-")
        matches = _status_filter(self.status)
        found = [ref for ref in self.search.refs(by_name=column == "name") if matches(ref)]
        if column in TOTALS:
            is_short = self.is_filtered and len(found) <= MAX_SELECTED
            values = Counter(totals_by_product(column, found if is_short else None))
            return sorted(found, key=values.__getitem__, reverse=not is_reversed)
        return found[::-1] if is_reversed else found


def _status_filter(status: str) -> Callable[[str], bool]:
    if not status:
        return lambda _ref: True
    if status == "missing":
        rendered = rendered_products()
        return lambda ref: ref not in rendered
    if status == "outdated":
        return outdated_products().__contains__
    if status == "published":
        rows: Any = Publication.objects.all()
    elif status == "usable":
        rows = ProductCheck.objects.filter(~Q(digest=""), problem="")
    else:
        rows = ProductCheck.objects.exclude(problem="")
        if status != "unusable":
            rows = rows.filter(reason=status)
    return set(rows.order_by().values_list("product", flat=True)).__contains__


def product_rows(refs: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the table shows of these products, in a fixed number of queries."""
    checks = {check.product: check for check in ProductCheck.objects.filter(product__in=refs)}
    by_total = {name: totals_by_product(name, refs) for name in TOTALS}
    return [
        {
            "card": card,
            "link": display.product_link(card.ref, card.title),
            **_verdict(card, checks.get(card.ref)),
            "tryons_url": _tryons_url(product=card.ref),
            "outdated_url": _tryons_url(product=card.ref, picture="outdated"),
            **{name: values.get(card.ref, 0) for name, values in by_total.items()},
            "cost": format_usd(cost) if (cost := by_total["cost"].get(card.ref)) else "-",
        }
        for card in product_cards(refs)
    ]


def _verdict(card: ProductCard, check: ProductCheck | None) -> dict[str, Any]:
    """Return whether the picture can be used, as far as it was checked, and when it was."""
    is_usable = not card.problem and check is not None and check.digest != ""
    if check is None:
        return {"is_usable": is_usable, "checked": ""}
    checked = display.age(check.checked_at) if check.checked_at else _("checked again soon")
    return {"is_usable": is_usable, "checked": checked}


def _tryons_url(**query: str) -> str:
    return f"{reverse('admin:vton_tryonrequest_changelist')}?{urlencode(query)}"


def columns(listing: ProductListing, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the sortable headings, each with the query string that sorts by it, or reverses the order."""
    others = [(name, value) for name, value in query.items() if name not in ("sort", "page")]
    found = []
    for name, label in COLUMNS.items():
        is_descending = (listing.sort == name) == (name in TOTALS)
        is_sorted = listing.sort.removeprefix("-") == name
        found.append(
            {
                "label": label,
                "query": urlencode([*others, ("sort", f"-{name}" if listing.sort == name else name)]),
                "aria_sort": ("descending" if is_descending else "ascending") if is_sorted else "",
                "is_number": name in TOTALS,
            }
        )
    return found
