"""The options of an engine, with the values that the vendor allows."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

Text = str | Promise
Value = str | int | float | bool | list[str]

MAX_TEXT_LENGTH = 500


class OptionError(ValueError):
    """A render option that the engine does not accept."""

    def __init__(self, name: str, message: Text) -> None:
        super().__init__(name, message)
        self.name = name
        """The option's name as the caller gave it."""
        self.message = message
        """The explanation for people; lazily translated."""

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One render option of an engine, with the values that the vendor allows."""

    name: str
    """The option's name in the shop's code, usually the vendor's parameter name."""
    kind: Literal["choice", "list", "text", "integer", "number", "boolean"]
    """A "list" has any of the choices. See `is_for_merchants`."""
    label: Text
    field: str = ""
    """The path of the parameter in the submit's body, such as "parameters.seed". If empty, it is the name."""
    choices: tuple[str, ...] = ()
    """The allowed values of a choice or a list."""
    choice_labels: tuple[Text, ...] = ()
    """The labels for people, in the order of `choices`. If empty, the values themselves are shown."""
    minimum: float | None = None
    maximum: float | None = None
    """The largest number, or the length of a text; a text has at most `MAX_TEXT_LENGTH` characters anyway."""
    default: Value | None = None
    """The vendor's documented default, or None. It is always sent."""

    @property
    def is_for_merchants(self) -> bool:
        """Whether only the shop's code and merchants may set it, since the dialog has no field for it."""
        return self.kind in {"list", "text", "number"}

    @property
    def labelled_choices(self) -> list[tuple[str, Text]]:
        """The choices as pairs of value and label, for Django's forms."""
        return list(zip(self.choices, self.choice_labels or self.choices, strict=True))

    def clean(self, value: object) -> Value:
        """Return an allowed value unchanged, or raise `OptionError`. True and "1" do not count as 1."""
        match self.kind, value:
            case "choice", str() if value in self.choices:
                return value
            case "list", list() if all(isinstance(item, str) and item in self.choices for item in value):
                return value
            case "text", str() if self._allows_length(len(value)) and value.isprintable():
                return value
            case "boolean", bool():
                return value
            case (("integer" | "number"), bool()):
                pass
            case "integer", int() if self._allows(value):
                return value
            case "number", int() | float() if math.isfinite(value) and self._allows(value):
                return value
        raise OptionError(self.name, self._expected())

    def from_text(self, text: str) -> Value:
        """Return the value of a string from a form or a command line. Raise `OptionError` as in `clean`.

        The items of a list are separated by commas.
        """
        value: object = text
        match self.kind:
            case "integer" if re.fullmatch(r"-?[0-9]{1,9}", text):
                value = int(text)
            case "number" if re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", text):
                value = float(text)
            case "boolean":
                words = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
                value = words.get(text.lower())
            case "list":
                value = [item.strip() for item in text.split(",") if item.strip()]
        return self.clean(value)

    def _allows(self, number: float) -> bool:
        is_above_minimum = self.minimum is None or number >= self.minimum
        return is_above_minimum and (self.maximum is None or number <= self.maximum)

    def _allows_length(self, length: int) -> bool:
        return length <= MAX_TEXT_LENGTH and self._allows(length)

    def _expected(self) -> Text:
        is_bounded = self.minimum is not None and self.maximum is not None
        message = _BOUNDED[self.kind] if is_bounded and self.kind in _BOUNDED else _EXPECTED[self.kind]
        return format_lazy(
            message,
            choices=", ".join(self.choices),
            length=int(min(self.maximum or MAX_TEXT_LENGTH, MAX_TEXT_LENGTH)),
            minimum=self.minimum,
            maximum=self.maximum,
        )


_EXPECTED = {
    "choice": _("Choose one of: {choices}."),
    "list": _("Must be a list of: {choices}."),
    "boolean": _("Must be true or false."),
    "text": _("Must be one line with {length} characters at most."),
    "integer": _("Must be a whole number."),
    "number": _("Must be a number."),
}
_BOUNDED = {
    "integer": _("Must be a whole number from {minimum} to {maximum}."),
    "number": _("Must be a number from {minimum} to {maximum}."),
}
