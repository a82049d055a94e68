from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files import File
from django.test import override_settings

from shop.models import Kind, Product

ASSETS = Path(settings.BASE_DIR) / "assets"

MakeProduct = Callable[..., Product]


@pytest.fixture(autouse=True)
def media(tmp_path: Path) -> Iterator[Path]:
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield tmp_path / "media"


@pytest.fixture
def make_product(db: None) -> MakeProduct:  # noqa: ARG001 - The fixture enables the database.
    def make(name: str = "Linen shirt", **values: Any) -> Product:
        slug = name.lower().replace(" ", "-")
        defaults = {"slug": slug, "kind": Kind.TOP, "price": Decimal("89.00"), "sizes": "S M L"}
        product = Product(name=name, **(defaults | values))
        with (ASSETS / "linen-shirt.jpg").open("rb") as file:
            product.photo.save(f"{slug}.jpg", File(file))
        return product

    return make
