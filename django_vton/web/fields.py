"""Serializer fields that take nothing from the shop's `REST_FRAMEWORK` and that OpenAPI can describe.

`api.openapi` reads `openapi_schema` and `openapi_name`, since drf-spectacular knows only DRF's own fields.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model
from rest_framework import serializers

from ..utils.languages import view_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Row = TypeVar("Row", bound=Model)

CountField = partial(serializers.IntegerField, min_value=0)
OptionalTextField = partial(serializers.CharField, allow_blank=True)


class DescribedField(serializers.Field[Any, Any, Any, Any]):
    """A field that brings its own JSON Schema."""

    openapi_schema: dict[str, Any] = {}
    openapi_name = ""
    """The schema becomes a component of this name, unless it is empty."""

    def to_representation(self, value: Any) -> Any:
        """Return the value as it is."""
        return value


class DateTimeField(serializers.DateTimeField):
    """ISO 8601 with the offset of the value, whatever `DATETIME_FORMAT` is. Takes formatted text as well."""

    def to_representation(self, value: datetime | str) -> str:  # type: ignore[override] # never None
        """Return the time as text."""
        return value if isinstance(value, str) else value.isoformat()


class EnumField(DescribedField):
    """One of a few strings.

    Its schema has a name. Otherwise drf-spectacular names it after the field and might rename an enumeration
    of the shop's for that.
    """

    def __init__(self, openapi_name: str, values: Iterable[str], **kwargs: Any) -> None:
        self.openapi_name = openapi_name
        self.openapi_schema = {"type": "string", "enum": sorted(set(values))}
        super().__init__(**kwargs)


class PathField(DescribedField):
    """A URL, mostly without scheme and host. With `view_name` it is the URL of that view for the row's key."""

    openapi_schema = {"type": "string", "format": "uri-reference"}

    def __init__(self, view_name: str = "", query: str = "", **kwargs: Any) -> None:
        self.view_name, self.query = view_name, query
        super().__init__(**({"source": "pk"} if view_name else {}) | kwargs)

    def to_representation(self, value: Any) -> str:
        """Return the URL."""
        return view_url(self.view_name, value) + self.query if self.view_name else str(value)


class RowSerializer(serializers.Serializer[Row]):
    """Takes each field from `computed_values` or, if it is not there, from the row's attribute."""

    def computed_values(self, row: Row) -> dict[str, Any]:
        """Return the values that are no attributes of the row, by the names of their fields."""
        raise NotImplementedError

    def to_representation(self, row: Any) -> Any:
        """Return the fields, in the order of their declaration."""
        return super().to_representation(_Values(row, self.computed_values(row)))


class _Values(dict[str, Any]):
    def __init__(self, row: Any, computed: dict[str, Any]) -> None:
        super().__init__(computed)
        self.row = row

    def __missing__(self, name: str) -> Any:
        return getattr(self.row, name)
