"""The form that orders a try-on on the page without JavaScript."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import get_language, pgettext_lazy

from ... import privacy
from ...conf import config
from ...exceptions import Refused
from ...intake import TryOnOrder
from ...intake.hooks import has_solved_captcha
from ...messages import MESSAGES
from ...models import PersonPhoto, Shopper
from ...products import DescribedProduct
from ...shoppers import Visitor, address_keys
from .. import tryon_serializers
from ..options import OptionField, option_fields

OPTION_PREFIX = "option_"
"""The prefix of the names of the form's fields for engine options."""

PhotoCard = tuple[PersonPhoto, dict[str, Any]]
"""A photo, and its representation in the API."""


class TryOnForm(forms.Form):
    """A form for an uploaded or a stored photo, the consent, and the engine options that a shopper may set.

    The form itself checks little, since `intake` validates the order. `add_refusal` shows its refusal.
    """

    photo = forms.FileField(
        label=pgettext_lazy("vton", "Upload a photo"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    photo_id = forms.ChoiceField(required=False, error_messages={"invalid_choice": MESSAGES["photo_gone"]})
    consent = forms.BooleanField(required=False)
    keep_photo = forms.BooleanField(
        label=pgettext_lazy("vton", "Keep my photo for other products"), required=False
    )

    def __init__(
        self,
        product: DescribedProduct,
        shopper: Shopper | None,
        *,
        data: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, Any] | None = None,
        selected: str = "",
    ) -> None:
        """`selected` is the id of the initially selected stored photo, or "" for an upload."""
        if data is not None:
            selected = data.get("photo_id", "")
        self.product = product
        self.own_photos = own_photos(shopper, selected)
        models = PersonPhoto.objects.active_house_models()
        self.house_models = _photo_cards(row for row in models if row.suits_kind(product.kind))
        offered = [photo["id"] for _row, photo in (*self.own_photos, *self.house_models)]
        self.selected_photo = selected if selected in offered else ""
        self.consent_version = config.CONSENT_VERSION
        if data is not None and data.get("consent_version", self.consent_version) != self.consent_version:
            # Ignore the ticked box, since the consent text has changed in the meantime.
            data = {name: value for name, value in data.items() if name != "consent"}
        super().__init__(data, files)
        photo_id = self.fields["photo_id"]
        assert isinstance(photo_id, forms.ChoiceField)
        photo_id.choices = [(value, value) for value in ["", *offered]]
        # The box is shown only if consent is missing, but it is always read. Otherwise the second request of
        # a double click would be a different order and be refused for using the same idempotency key.
        self.needs_consent = not privacy.has_consented(shopper)
        self.fields["consent"].label = config.CONSENT_TEXT
        for field in option_fields(product):
            self.fields[OPTION_PREFIX + field.option.name] = _form_field(field)

    def clean(self) -> dict[str, Any]:
        """Reject an upload together with a stored photo, since one of them was probably a mistake."""
        cleaned = super().clean() or {}
        if cleaned.get("photo") and cleaned.get("photo_id"):
            self.add_error(
                "photo",
                pgettext_lazy(
                    "vton", "You chose a file and a photo from the list. Please choose one of them."
                ),
            )
        return cleaned

    @property
    def option_fields(self) -> list[forms.BoundField]:
        """The fields of the engine options."""
        return [self[name] for name in self.fields if name.startswith(OPTION_PREFIX)]

    @property
    def error_messages(self) -> list[tuple[str, str]]:
        """Pairs of a field's HTML id ("" for the whole form) and an error message."""
        return [
            (self[name].id_for_label if name in self.fields else "", str(message))
            for name, messages in self.errors.items()
            for message in messages
        ]

    def to_order(self, visitor: Visitor, key: uuid.UUID | None, request: HttpRequest) -> TryOnOrder:
        """Return the order of this valid form."""
        values = {field.name: self.cleaned_data[field.name] for field in self.option_fields}
        return TryOnOrder(
            product=self.product.ref,
            visitor=visitor,
            photo=self.cleaned_data["photo"],
            photo_id=self.cleaned_data["photo_id"],
            consent=self.cleaned_data["consent"],
            options={
                name.removeprefix(OPTION_PREFIX): value
                for name, value in values.items()
                if value not in ("", None)
            },
            keep_photo=self.cleaned_data["keep_photo"],
            idempotency_key=str(key) if key else None,
            addresses=address_keys(request),
            locale=get_language() or "",
            is_human=partial(has_solved_captcha, request),
        )

    def add_refusal(self, refusal: Refused) -> None:
        """Add the refusal to the errors of its field, or of the whole form."""
        name = refusal.field.replace("options.", OPTION_PREFIX)
        self.add_error(name if name in self.fields else None, str(refusal.detail))


def own_photos(shopper: Shopper | None, selected: str = "") -> list[PhotoCard]:
    """Return a shopper's reusable photos, and the selected photo if the shopper owns it, newest first."""
    if shopper is None:
        return []
    own = PersonPhoto.objects.usable_by(shopper).filter(kind=PersonPhoto.Kind.OWN)
    shown = Q(is_reusable=True) if (pk := parse_uuid(selected)) is None else Q(is_reusable=True) | Q(pk=pk)
    return _photo_cards(own.filter(shown).order_by("-created_at"))


def _photo_cards(photos: Iterable[PersonPhoto]) -> list[PhotoCard]:
    return [(photo, tryon_serializers.PhotoSerializer(photo).data) for photo in photos]


def parse_uuid(text: str) -> uuid.UUID | None:
    """Return the UUID, or None if the text is not a UUID."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _form_field(field: OptionField) -> forms.Field:
    """Return the form field for an option. An empty field stands for the default."""
    errors = dict.fromkeys(
        ("invalid", "invalid_choice", "min_value", "max_value"), MESSAGES["options_invalid"]
    )
    shared: dict[str, Any] = {
        "label": str(field.option.label),
        "required": False,
        "initial": field.initial,
        "error_messages": errors,
    }
    if not field.choices:
        bounds: dict[str, Any] = {"min_value": field.option.minimum, "max_value": field.option.maximum}
        return forms.IntegerField(**bounds, **shared)
    automatic = [("", pgettext_lazy("vton", "Automatic"))] if field.default is None else []
    return forms.TypedChoiceField(
        choices=[*automatic, *field.choices], coerce=field.option.from_text, **shared
    )
