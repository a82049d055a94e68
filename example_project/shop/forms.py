from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from shop.cart import MAX_QUANTITY
from shop.models import Product


class AddForm(forms.Form):
    """Choose the size of a product. Without sizes, the form has no field."""

    size = forms.ChoiceField(
        label=_("Size"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose a size."), "invalid_choice": _("Please choose a size.")},
    )

    def __init__(self, product: Product, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sizes = product.size_list
        if sizes:
            field = self.fields["size"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(size, size) for size in sizes]
            field.initial = sizes[len(sizes) // 2]
        else:
            del self.fields["size"]


class QuantityForm(forms.Form):
    quantity = forms.IntegerField(min_value=0, max_value=MAX_QUANTITY)
