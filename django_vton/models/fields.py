"""Fields that behave the same on every database. Migrations import them."""

from __future__ import annotations

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class ExactCharField(models.CharField):  # type: ignore[type-arg] # It has none when it runs.
    """Text that equals another only if both have the same bytes. MariaDB's default collation ignores case.

    On MariaDB and MySQL, `max_length` is in bytes. A binary collation would still ignore spaces at the end.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the type of the column."""
        is_mysql = connection.vendor == "mysql"
        return f"varbinary({self.max_length})" if is_mysql else super().db_type(connection)

    def from_db_value(self, value: str | bytes | None, *_args: object) -> str | None:
        """Return what was read as text."""
        return value.decode() if isinstance(value, bytes) else value
