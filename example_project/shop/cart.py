"""A bag in the session: {"<product pk>:<size>": quantity}."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest

from shop.models import Product

SESSION_KEY = "cart"
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
    """Reads the session when it is asked, not before: every template gets one."""

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

    def add(self, product: Product, size: str = "") -> None:
        key = f"{product.pk}:{size}"
        self.set(key, self.quantities.get(key, 0) + 1)

    def set(self, key: str, quantity: int) -> None:
        """Zero takes the line out."""
        quantities = self.quantities
        quantities[key] = min(quantity, MAX_QUANTITY)
        self.request.session[SESSION_KEY] = {k: n for k, n in quantities.items() if n > 0}

    def clear(self) -> None:
        self.request.session.pop(SESSION_KEY, None)
