"""Migrating from the first migration to the newest keeps all rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor

TIMESTAMP = datetime(2026, 3, 1, 12, tzinfo=UTC)

VALUES: list[tuple[type[models.Field[Any, Any]], Any]] = [
    (models.DateTimeField, TIMESTAMP),
    (models.DateField, date(2026, 3, 1)),
    (models.IntegerField, 1),
    (models.UUIDField, "5f0c7b0e-0000-4000-8000-000000000001"),
    (models.FileField, "vton/some.jpg"),
]
"""Subclasses first. All other fields take text."""


def migrate(*names: Any) -> Any:
    """Migrate this app to each name in turn (None: before the first); returns the historical apps."""
    for name in names:
        executor = MigrationExecutor(connection)
        executor.migrate([("vton", name)])
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] != "vton"]
    return executor.loader.project_state([*others, ("vton", name)]).apps


def newest_migration() -> str:
    """The name of the newest migration of this app."""
    ((_app, name),) = MigrationExecutor(connection).loader.graph.leaf_nodes("vton")
    return str(name)


def create_row(model: Any, created: dict[str, Any]) -> Any:
    """A row with its required values and related rows, or the existing one in `created`."""
    name = model._meta.label
    if name not in created:
        created[name] = None  # A foreign key to the same model stays null.
        fields = [field for field in model._meta.fields if not _has_automatic_value(field)]
        # A second optional relation to a model stays null, since two may have to differ.
        related = [field.related_model for field in fields]
        second = [
            f for n, f in enumerate(fields) if f.is_relation and f.null and f.related_model in related[:n]
        ]
        values = {field.name: _value(field, created) for field in fields if field not in second}
        created[name] = model._base_manager.create(**values)
    return created[name]


def _has_automatic_value(field: Any) -> bool:
    return field.auto_created or (not field.is_relation and (field.has_default() or field.null))


def _value(field: Any, created: dict[str, Any]) -> Any:
    if field.is_relation:
        return create_row(field.related_model, created)
    if field.choices:
        # A database constraint may allow only these values.
        return "" if field.blank else field.choices[0][0]
    return next((value for kind, value in VALUES if isinstance(field, kind)), "some"[: field.max_length])


def keys_by_model(apps_: Any) -> dict[str, set[Any]]:
    """The primary keys of each model of this app."""
    return {
        model.__name__: {str(key) for key in model._base_manager.values_list("pk", flat=True)}
        for model in apps_.get_app_config("vton").get_models()
    }


@pytest.mark.django_db(transaction=True)
def test_rows_of_the_first_migration_exist_after_the_newest() -> None:
    try:
        first = migrate(None, "0001_initial")
        created: dict[str, Any] = {}
        for model in first.get_app_config("vton").get_models():
            create_row(model, created)
        before = keys_by_model(first)
    finally:
        migrate(newest_migration())

    assert len(before) > 15
    assert all(before.values()), before
    after = keys_by_model(apps)
    assert {name: keys for name, keys in after.items() if name in before} == before
    for model in apps.get_app_config("vton").get_models():
        # Reads every column of the current models.
        assert [row.pk for row in model._base_manager.all()]
