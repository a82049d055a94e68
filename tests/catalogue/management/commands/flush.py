"""Delete the rows that a test has committed: at least ten times as fast as Django's command of this name."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction

# Django's command deletes these too, and spends most of its time on creating the same rows again.
KEPT = {"auth_permission", "django_content_type", "django_migrations"}


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        database = options["database"]
        connection = connections[database]
        quote = connection.ops.quote_name
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        is_used = "SELECT '{}' WHERE EXISTS (SELECT 1 FROM {})"
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(is_used.format(it, quote(it)) for it in {*tables} - KEPT))
            used = [name for (name,) in cursor.fetchall()]
        # In any order: foreign keys are checked at the commit, or not at all.
        with (
            connection.constraint_checks_disabled(),
            transaction.atomic(database),
            connection.cursor() as cursor,
        ):
            for name in used:
                cursor.execute(f"DELETE FROM {quote(name)}")  # noqa: S608 - the name of a table
