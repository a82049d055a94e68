"""A second engine for garments, which the sandbox serves as Glass: with Base64 and without callbacks."""

from __future__ import annotations

from django_vton.pixazo.engines import Glass

FIRST = "fashn-v1.6"
FIRST_PRICE = 75_000
"""Micro-USD of one image."""
SECOND_PRICE = 300_000


class Second(Glass):
    name = "second-v1"
    kind = "garment"
    label = "Second v1"


class ByLink(Second):
    """It downloads its images, as the first engine does."""

    images_as = "url"  # type: ignore[assignment]  # Glass declares only its own value.
