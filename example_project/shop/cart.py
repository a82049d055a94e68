"""A shopping cart in the session: {"<product pk>:<size>": quantity}."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest

from shop.models import Product

SESSION_KEY = "cart"
ID_KEY = "cart_id"
MAX_QUANTITY = 9


@dataclass(frozen=True)
class Line:
    key: str
    product: Product
    size: str
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity


class Cart:
    """Every template gets one, so it reads the session only when it is used."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def quantities(self) -> dict[str, int]:
        return dict(self.request.session.get(SESSION_KEY, {}))

    def __len__(self) -> int:
        return sum(self.quantities.values())

    def __iter__(self) -> Iterator[Line]:
        quantities = self.quantities
        parts = {key: key.partition(":") for key in quantities}
        products = Product.objects.filter(is_public=True).in_bulk({int(pk) for pk, _, _ in parts.values()})
        for key, (pk, _, size) in parts.items():
            if product := products.get(int(pk)):
                yield Line(key, product, size, quantities[key])

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self), Decimal(0))

    def add(self, product: Product, size: str = "") -> str:
        """Add one; returns the key of the line."""
        key = f"{product.pk}:{size}"
        self.set(key, self.quantities.get(key, 0) + 1)
        return key

    def set(self, key: str, quantity: int) -> None:
        """Set the quantity of a line; zero removes it."""
        quantities = self.quantities
        quantities[key] = min(quantity, MAX_QUANTITY)
        self.request.session[SESSION_KEY] = {k: n for k, n in quantities.items() if n > 0}

    def reference(self, key: str) -> str:
        """A unique name of a line, with which a conversion is recognised when the order is placed."""
        cart_id = self.request.session.setdefault(ID_KEY, uuid.uuid4().hex)
        return f"{cart_id}:{key}"

    def clear(self) -> None:
        for key in (SESSION_KEY, ID_KEY):
            self.request.session.pop(key, None)
