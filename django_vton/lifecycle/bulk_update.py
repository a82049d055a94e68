"""Update many rows in few statements, each row on its own conditions.

`QuerySet.bulk_update` takes no conditions, and building its CASE expressions takes as long as single updates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from django.db.models import Field, Model

from ..utils import database

Row = tuple[Any, Mapping[str, Any], Mapping[str, Any]]
"""A row's primary key, the values that it must still have, and its new values. Both are by field name."""


class RowsChanged(Exception):  # noqa: N818 - it says what happened
    """A row does not meet its condition. The caller must roll its transaction back."""


def update_rows(model: type[Model], rows: Sequence[Row]) -> None:
    """Update all these rows. Raise `RowsChanged` if one of them does not meet its condition.

    Use one statement if all rows have the same conditions and values, and `executemany` otherwise.
    """
    if not rows:
        return
    _, conditions, values = rows[0]
    if all(row[1:] == (conditions, values) for row in rows):
        found = model._default_manager.filter(pk__in=[pk for pk, *_ in rows], **conditions)
        count = found.update(**values)
    else:
        count = _execute_many(model, rows)
    if count != len(rows):
        raise RowsChanged(f"{count} of {len(rows)} rows of {model.__name__} meet their conditions.")


def _execute_many(model: type[Model], rows: Sequence[Row]) -> int:
    statements: dict[str, list[list[Any]]] = defaultdict(list)
    for pk, conditions, values in rows:
        wanted = {"pk": pk, **conditions}
        assignments = ", ".join(f"{_column(model, name)} = %s" for name in values)
        where = " AND ".join(
            f"{_column(model, name)} {'IS NULL' if value is None else '= %s'}"
            for name, value in wanted.items()
        )
        table = database.connection().ops.quote_name(model._meta.db_table)
        parameters = [*values.items(), *((name, it) for name, it in wanted.items() if it is not None)]
        statements[f"UPDATE {table} SET {assignments} WHERE {where}"].append(  # noqa: S608 - our own names
            [_prepare(model, name, value) for name, value in parameters]
        )
    count = 0
    with database.connection().cursor() as cursor:
        for statement, parameter_lists in statements.items():
            cursor.executemany(statement, parameter_lists)
            count += int(cursor.rowcount)
    return count


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return model._meta.pk if name == "pk" else model._meta.get_field(name)  # type: ignore[return-value] # columns only


def _column(model: type[Model], name: str) -> str:
    return database.connection().ops.quote_name(str(_field(model, name).column))


def _prepare(model: type[Model], name: str, value: Any) -> Any:
    plain = value.value if isinstance(value, Enum) else value
    return _field(model, name).get_db_prep_save(plain, database.connection())
