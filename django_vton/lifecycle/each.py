"""Updates of many rows, each by its own key and with values of its own, in one round trip.

`bulk_update` writes a CASE of all the keys for each column, which costs Django as much as single updates; one
plain statement, sent once with everybody's parameters, costs a tenth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from django.db.models import Field, Model


def update_each(model: type[Model], rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> int:
    """Update one row for each pair of what it is found by and what it gets; how many were found.

    All pairs name the same fields, in the same order. What is found by None is found where there is nothing.
    """
    wheres, values = rows[0]
    given = ", ".join(f"{_column(model, name)} = %s" for name in values)
    found = " AND ".join(
        f"{_column(model, name)} {'IS NULL' if value is None else '= %s'}" for name, value in wheres.items()
    )
    statement = f"UPDATE {connection.ops.quote_name(model._meta.db_table)} SET {given} WHERE {found}"  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        cursor.executemany(statement, [_parameters(model, *row) for row in rows])
        return int(cursor.rowcount)


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return model._meta.pk if name == "pk" else model._meta.get_field(name)  # type: ignore[return-value] # of columns


def _column(model: type[Model], name: str) -> str:
    return connection.ops.quote_name(str(_field(model, name).column))


def _parameters(model: type[Model], wheres: Mapping[str, Any], values: Mapping[str, Any]) -> list[Any]:
    found = {name: value for name, value in wheres.items() if value is not None}
    return [
        _field(model, name).get_db_prep_save(value.value if isinstance(value, Enum) else value, connection)
        for name, value in (*values.items(), *found.items())
    ]
