"""For the shop's own admin: pictures are looked at when they are saved, and products rendered from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.utils.translation import gettext as _

from .. import products
from ..intake import product_images
from .product_renders import RenderAdmin

if TYPE_CHECKING:
    from django.forms import ModelForm
    from django.http import HttpRequest


class TryOnAdminMixin(RenderAdmin):
    """Put it before `ModelAdmin` in the admin of a registered product model.

    After each save the product's picture is prepared for the vendor. Where it cannot be tried on, a warning
    says why; otherwise nothing is said. A product that is not enabled, or has no picture, is left alone.

    Staff with the permission `vton.spend` find the action "Render on models…" in the list, and on a product's
    page the button "Test this product" with its price. A `change_form_template` of the shop's own extends
    "admin/vton/product_change_form.html" to keep the button.
    """

    def save_related(self, request: HttpRequest, form: ModelForm[Any], formsets: Any, change: bool) -> None:
        """Look at the picture once the product is stored; whatever goes wrong there, it stays stored."""
        super().save_related(request, form, formsets, change)

        def look() -> None:
            _warn(request, form.instance)

        # No partial: a robust hook that fails is logged by its name.
        transaction.on_commit(look, using=form.instance._state.db, robust=True)


def _warn(request: HttpRequest, product: Any) -> None:
    described = products.describe(product)
    if described is None:
        return
    problem = product_images.problem_of(described)
    if problem:
        words = _("“%(product)s” is saved, but cannot be tried on: %(problem)s")
        messages.warning(request, words % {"product": described.title, "problem": problem})
