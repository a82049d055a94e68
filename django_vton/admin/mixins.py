"""The mixin for the shop's own product admin."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .. import products
from ..intake import product_images
from .product_renders import ProductRenderMixin


class TryOnAdminMixin(ProductRenderMixin):
    """Put it before `ModelAdmin` in the admin of a registered product model.

    After each save, the product's image is prepared for the vendor. If it cannot be tried on, a warning gives
    the reason. Products that are not enabled or have no image are ignored.

    Staff with the permission `vton.spend` get the action "Render on models…" in the list and the button "Test
    this product" with its price on the product's page. If the shop's admin sets its own
    `change_form_template`, that template must extend "admin/vton/product_change_form.html" to keep the
    button.
    """

    def save_related(self, request: HttpRequest, form: ModelForm[Any], formsets: Any, change: bool) -> None:
        """Check the image after the commit, so that a failing check does not undo the save."""
        super().save_related(request, form, formsets, change)

        # Not a partial, since Django logs a failing robust hook by its name.
        def check_image() -> None:
            _warn_about_image(request, form.instance)

        transaction.on_commit(check_image, using=form.instance._state.db, robust=True)


def _warn_about_image(request: HttpRequest, product: Any) -> None:
    described = products.describe(product)
    problem = product_images.describe_problem(described) if described is not None else ""
    if described is not None and problem:
        text = _("“%(product)s” is saved, but cannot be tried on: %(problem)s")
        messages.warning(request, text % {"product": described.title, "problem": problem})
