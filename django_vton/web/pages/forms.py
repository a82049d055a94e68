"""The form of the pages without JavaScript: what a shopper may send, and who sends it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.utils.translation import get_language, pgettext_lazy

from ... import privacy
from ...conf import config
from ...intake import TryOnOrder
from ...intake.hooks import run_hook
from ...messages import MESSAGES
from ...models import PersonPhoto, Shopper
from ...products import NEVER_BY_SHOPPERS
from ...shoppers import address_keys
from .. import serializers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest
    from django.utils.datastructures import MultiValueDict

    from ...exceptions import Refused
    from ...pixazo import Option
    from ...products import Described
    from ...shoppers import Visitor

FEW = 10
"""So many values of a number are offered as a list."""

OPTION = "option_"
"""Before the names of fields that are options of the engine."""

Shown = tuple[PersonPhoto, dict[str, Any]]
"""A photo with its addresses, as the API shows them."""


class TryOnForm(forms.Form):
    """A photo from the device or one that is stored, consent, and the options that a shopper may set.

    What may be sent is `intake`'s to judge; `refuse` puts its answer to the field that it is about.
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
        product: Described,
        shopper: Shopper | None,
        *,
        data: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, Any] | None = None,
        chosen: str = "",
    ) -> None:
        """`chosen` is the id of the photo that is ticked at first, "" for one from the device."""
        wanted = data.get("photo_id", "") if data is not None else chosen
        self.product = product
        self.own, self.house = own_photos(shopper, wanted), house_models(product.kind)
        offered = [photo["id"] for _row, photo in (*self.own, *self.house)]
        self.chosen = wanted if wanted in offered else ""
        self.consent_version = config.CONSENT_VERSION
        if data is not None and data.get("consent_version", self.consent_version) != self.consent_version:
            # The box was ticked under other words than it would now be shown with.
            data = {name: value for name, value in data.items() if name != "consent"}
        super().__init__(data, files)
        photo_id = self.fields["photo_id"]
        assert isinstance(photo_id, forms.ChoiceField)
        photo_id.choices = [(value, value) for value in ["", *offered]]
        # Shown where it is still needed, but read in any case: a second click has to say what the first said.
        self.asks_consent = not privacy.has_consented(shopper)
        self.fields["consent"].label = config.CONSENT_TEXT
        chosen_by_shop = product.tryon.get_options(product.product)
        for option in product.engine.options:
            if option.name in product.tryon.shopper_options and option.name not in NEVER_BY_SHOPPERS:
                is_count = option.name == product.engine.samples_option
                initial = chosen_by_shop.get(option.name, option.default)
                self.fields[OPTION + option.name] = _field(option, initial or (1 if is_count else initial))

    def clean(self) -> dict[str, Any]:
        """A file beside another choice: one of the two photos is not meant to be sent."""
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
    def options(self) -> list[forms.BoundField]:
        """The fields of the engine's options."""
        return [self[name] for name in self.fields if name.startswith(OPTION)]

    @property
    def wishes(self) -> dict[str, Any]:
        """What the shopper chose of the options, as `Ask.options` takes it."""
        chosen = {field.name: self.cleaned_data[field.name] for field in self.options}
        return {name.removeprefix(OPTION): value for name, value in chosen.items() if value not in ("", None)}

    @property
    def problems(self) -> list[tuple[str, str]]:
        """All errors as pairs of the field's HTML id ("" for the whole form) and a sentence."""
        return [
            (self[name].id_for_label if name in self.fields else "", str(sentence))
            for name, sentences in self.errors.items()
            for sentence in sentences
        ]

    def ask(self, visitor: Visitor, key: uuid.UUID | None, request: HttpRequest) -> TryOnOrder:
        """The order of this valid form."""
        return TryOnOrder(
            product=self.product.ref,
            visitor=visitor,
            photo=self.cleaned_data["photo"],
            photo_id=self.cleaned_data["photo_id"],
            consent=self.cleaned_data["consent"],
            options=self.wishes,
            keep_photo=self.cleaned_data["keep_photo"],
            idempotency_key=str(key) if key else None,
            addresses=address_keys(request),
            locale=get_language() or "",
            is_human=lambda: run_hook(config.CAPTCHA, request),
        )

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at its field, or above the form."""
        name = refusal.field.replace("options.", OPTION)
        self.add_error(name if name in self.fields else None, str(refusal.detail))


def own_photos(shopper: Shopper | None, wanted: str = "") -> list[Shown]:
    """A shopper's kept photos, the newest first, and the wanted one if it is theirs."""
    if shopper is None:
        return []
    theirs = PersonPhoto.objects.usable(shopper).filter(kind=PersonPhoto.Kind.OWN)
    meant = Q(keep=True) if (pk := as_uuid(wanted)) is None else Q(keep=True) | Q(pk=pk)
    return [(photo, serializers.photo(photo)) for photo in theirs.filter(meant).order_by("-created_at")]


def house_models(kind: str) -> list[Shown]:
    """The house models for "garment" or "eyewear"."""
    models = PersonPhoto.objects.house()
    return [(model, serializers.photo(model)) for model in models if model.suits_kind(kind)]


def as_uuid(text: str) -> uuid.UUID | None:
    """The UUID that somebody sent, or None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _field(option: Option, initial: object) -> forms.Field:
    """An option as a form's field; an empty value leaves it to the shop."""
    wrong = {"invalid_choice": MESSAGES["options_invalid"], "invalid": MESSAGES["options_invalid"]}
    choices: list[tuple[str, Any]]
    if option.kind == "choice":
        choices = list(option.labelled_choices)
    elif option.kind == "boolean":
        choices = [("true", pgettext_lazy("vton", "Yes")), ("false", pgettext_lazy("vton", "No"))]
    elif option.minimum is not None and option.maximum is not None and option.maximum - option.minimum < FEW:
        choices = [(str(number), number) for number in range(option.minimum, option.maximum + 1)]
    else:
        return forms.IntegerField(
            label=str(option.label),
            required=False,
            initial=initial,
            min_value=option.minimum,
            max_value=option.maximum,
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), MESSAGES["options_invalid"]),
        )
    if initial is None:
        choices.insert(0, ("", pgettext_lazy("vton", "Automatic")))
    return forms.TypedChoiceField(
        label=str(option.label),
        required=False,
        choices=choices,
        coerce=option.from_text,
        initial=str(initial).lower() if option.kind == "boolean" else initial,
        error_messages=wrong,
    )
