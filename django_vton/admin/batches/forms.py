"""The form of a draft: its name, the house models, and the options of each engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...gateway.engines import engines
from ...models import Batch, BatchRule, PersonPhoto
from ...pixazo import Engine, Option, OptionError


class BatchSetupForm(forms.Form):
    """The form of a draft. For an empty option, the product's own value or the vendor's default is used."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("For your own reference, such as “Spring coats”."),
        widget=forms.TextInput(attrs={"class": "vTextField", "aria-describedby": "id_name_help"}),
    )
    house_models = forms.ModelMultipleChoiceField(
        label=gettext_lazy("House models"),
        queryset=PersonPhoto.objects.none(),
        required=False,
    )

    def __init__(self, data: Any, batch: Batch | BatchRule, names: Iterable[str]) -> None:
        selected = list(batch.house_models.values_list("pk", flat=True)) if batch.pk else []
        super().__init__(data, initial={"name": batch.name, "house_models": selected})
        # Not in the class, where the query would keep the day on which the process began.
        house_models: Any = self.fields["house_models"]
        house_models.queryset = PersonPhoto.objects.active_house_models()
        if isinstance(batch, Batch) and batch.has_given_renders:
            del self.fields["house_models"]
        self.engines = [engines()[name] for name in sorted(names)]
        for engine in self.engines:
            for option in engine.options:
                name = field_name(engine, option)
                self.fields[name] = _field(option)
                value = batch.options.get(engine.name, {}).get(option.name, "")
                self.initial[name] = _as_text(value)

    @property
    def engine_fields(self) -> list[tuple[Engine, list[forms.BoundField]]]:
        """Each engine with its fields, for the template."""
        return [
            (engine, [self[field_name(engine, option)] for option in engine.options])
            for engine in self.engines
        ]

    def clean(self) -> dict[str, Any]:
        """Collect the options by engine, in the form in which a batch stores them."""
        cleaned: dict[str, Any] = super().clean() or {}
        options: dict[str, dict[str, Any]] = {}
        for engine in self.engines:
            for option in engine.options:
                text = str(cleaned.get(field_name(engine, option)) or "")
                try:
                    if text:
                        options.setdefault(engine.name, {})[option.name] = option.from_text(text)
                except OptionError as error:
                    self.add_error(field_name(engine, option), str(error.message))
        return {**cleaned, "options": options}


def field_name(engine: Engine, option: Option) -> str:
    """Return the name of the form field for an engine's option."""
    return f"{engine.name}.{option.name}"


def _as_text(value: Any) -> Any:
    """Return an option's value as `Option.from_text` reads it."""
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else value


def _field(option: Option) -> forms.Field:
    own_value = _("product's own value")
    shared: dict[str, Any] = {"label": cast("str", option.label), "required": False}
    match option.kind:
        case "choice" | "boolean":
            is_boolean = option.kind == "boolean"
            choices = [("true", _("Yes")), ("false", _("No"))] if is_boolean else option.labelled_choices
            return forms.ChoiceField(choices=[("", own_value), *choices], **shared)
        case "integer" | "number":
            step = 1 if option.kind == "integer" else "any"
            bounds = {"min": option.minimum, "max": option.maximum, "step": step, "placeholder": own_value}
            return forms.CharField(max_length=19, widget=forms.NumberInput(attrs=bounds), **shared)
        case _:
            values = ", ".join(option.choices) or own_value
            return forms.CharField(widget=forms.TextInput(attrs={"placeholder": values}), **shared)
