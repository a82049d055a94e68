"""A shop that began with the first migration comes to the newest with its rows in place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)

VALUES: list[tuple[type[models.Field[Any, Any]], Any]] = [
    (models.DateTimeField, MOMENT),
    (models.DateField, date(2026, 3, 1)),
    (models.IntegerField, 1),
    (models.UUIDField, "5f0c7b0e-0000-4000-8000-000000000001"),
    (models.FileField, "vton/some.jpg"),
]
"""Subclasses first. What else there is takes text."""


def migrated(*names: Any) -> Any:
    """The apps as they were after these migrations of ours, one after the other; None is before the first."""
    for name in names:
        executor = MigrationExecutor(connection)
        executor.migrate([("vton", name)])
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] != "vton"]
    return executor.loader.project_state([*others, ("vton", name)]).apps


def newest() -> str:
    """The name of the last migration of ours."""
    ((_app, name),) = MigrationExecutor(connection).loader.graph.leaf_nodes("vton")
    return str(name)


def one_row(model: Any, made: dict[str, Any]) -> Any:
    """A row with all that must be said, and with each row that it may belong to."""
    name = model._meta.label
    if name not in made:
        made[name] = None  # Whoever points at itself points at nothing.
        made[name] = model._base_manager.create(
            **{field.name: _value(field, made) for field in model._meta.fields if not _says_itself(field)}
        )
    return made[name]


def _says_itself(field: Any) -> bool:
    return field.auto_created or (not field.is_relation and (field.has_default() or field.null))


def _value(field: Any, made: dict[str, Any]) -> Any:
    if field.is_relation:
        return one_row(field.related_model, made)
    if field.choices:
        # A constraint of the table may know these words.
        return "" if field.blank else field.choices[0][0]
    return next((value for kind, value in VALUES if isinstance(field, kind)), "some"[: field.max_length])


def rows(models_: Any) -> dict[str, set[Any]]:
    """The keys that each model of ours has."""
    return {
        model.__name__: {str(key) for key in model._base_manager.values_list("pk", flat=True)}
        for model in models_.get_app_config("vton").get_models()
    }


@pytest.mark.django_db(transaction=True)
def test_rows_of_the_first_migration_are_there_after_the_newest() -> None:
    try:
        first = migrated(None, "0001_initial")
        made: dict[str, Any] = {}
        for model in first.get_app_config("vton").get_models():
            one_row(model, made)
        before = rows(first)
    finally:
        migrated(newest())

    assert len(before) > 15
    assert all(before.values()), before
    after = rows(apps)
    assert {name: keys for name, keys in after.items() if name in before} == before
    for model in apps.get_app_config("vton").get_models():
        # Every column that the code of today knows.
        assert [row.pk for row in model._base_manager.all()]
