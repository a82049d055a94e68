"""The base class of the models, which are read from the database to which they are written."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.db import models, router
from django.db.models import QuerySet

from ..utils import database

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class PrimaryManager(models.Manager[M_co]):
    """A manager that reads from the primary database, whatever the shop's routers return for reads.

    A replica lags behind. Money, claims and a shopper's own try-ons need what was committed last. Related
    managers, foreign keys and `refresh_from_db` derive from this manager.
    """

    def get_queryset(self) -> QuerySet[M_co]:
        """Return a query set on the primary database."""
        queryset: type[QuerySet[Any]] = self._queryset_class  # type: ignore[attr-defined]  # Django's own
        return queryset(model=self.model, using=self._db or database.alias(), hints=self._hints)  # type: ignore[attr-defined]

    def from_replica(self) -> Self:
        """Return a manager that reads where the shop's routers say, for a page that may be out of date.

        Its query sets cannot contain subqueries, which are on the primary database.
        """
        return self.db_manager(router.db_for_read(self.model))


class Model(models.Model):
    """The base class of the package's models.

    Its manager also serves foreign keys and `refresh_from_db`, which Django reads with the base manager.
    """

    objects = PrimaryManager()  # For mypy, a subclass cannot override it: django-stubs declares a ClassVar.

    class Meta:
        abstract = True
        base_manager_name = "objects"
