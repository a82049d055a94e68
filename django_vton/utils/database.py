"""The database that holds the package's tables, and transactions in it.

Other modules use neither `django.db.transaction` nor `django.db.connection`, which always mean `default`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.apps import apps
from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

View = TypeVar("View", bound=Callable[..., Any])


def alias() -> str:
    """Return the alias of the database to which the shop's routers write the package's tables."""
    return router.db_for_write(apps.get_model("vton", "TryOnRequest"))


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to that database."""
    return connections[alias()]


def atomic(*, savepoint: bool = True) -> transaction.Atomic:
    """Return a transaction, or a savepoint inside of one. See `django.db.transaction.atomic`."""
    return transaction.atomic(using=alias(), savepoint=savepoint)


def on_commit(call: Callable[[], object], *, using: str | None = None, robust: bool = False) -> None:
    """Call a function after the commit, or now if there is no transaction.

    `using` names another database, such as the one in which the shop stores a product.
    """
    transaction.on_commit(call, using=using or alias(), robust=robust)


def non_atomic_requests(view: View) -> View:
    """Exempt a view from the ATOMIC_REQUESTS of every database."""
    for name in connections:
        transaction.non_atomic_requests(using=name)(view)
    return view
