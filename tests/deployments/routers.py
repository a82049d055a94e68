"""Routers of shops with several databases, as Django's documentation shows them."""

from __future__ import annotations

from typing import Any


class PrimaryReplicaRouter:
    """Writes to the primary, and reads from the replica."""

    def db_for_read(self, model: Any, **_kwargs: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **_kwargs: Any) -> str:
        return "primary"

    def allow_relation(self, obj1: Any, obj2: Any, **_kwargs: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **_kwargs: Any) -> bool:
        return db == "primary"


class AppRouter:
    """Keeps some apps, among them try-on and users, in the database `people`. The shop's are in `default`."""

    apps = frozenset({"vton", "auth", "contenttypes", "sessions", "admin"})

    def db_for_read(self, model: Any, **_kwargs: Any) -> str:
        return "people" if model._meta.app_label in self.apps else "default"

    db_for_write = db_for_read

    def allow_relation(self, obj1: Any, obj2: Any, **_kwargs: Any) -> bool:
        return self.db_for_read(obj1) == self.db_for_read(obj2)

    def allow_migrate(self, db: str, app_label: str, **_kwargs: Any) -> bool:
        return db == ("people" if app_label in self.apps else "default")
