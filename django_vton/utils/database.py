"""The database that holds the package's tables, and transactions in it.

Other modules use neither `django.db.transaction` nor `django.db.connection`, which always mean `default`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from django.apps import apps
from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

View = TypeVar("View", bound=Callable[..., Any])

_inherited: list[object] = []
"""The pools and connections that this process has inherited. Deleting them could wait for their threads."""


def alias() -> str:
    """Return the alias of the database to which the shop's routers write the package's tables."""
    return router.db_for_write(apps.get_model("vton", "TryOnRequest"))


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to that database."""
    return connections[alias()]


def atomic(*, savepoint: bool = True) -> transaction.Atomic:
    """Return a transaction, or a savepoint inside of one. See `django.db.transaction.atomic`."""
    return transaction.atomic(using=alias(), savepoint=savepoint)


def savepoint() -> AbstractContextManager[None]:
    """Return a savepoint if a transaction is open. Otherwise do not begin one.

    After its reads, SQLite would reject a transaction's write without waiting if another one has the lock.
    """
    return atomic() if connection().in_atomic_block else nullcontext()


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


def renew_pools_after_fork() -> None:
    """Give each forked process its own connection pools, for databases with `OPTIONS["pool"]`.

    An inherited pool has no threads, and its sockets still belong to the parent process. django-q2 and Celery
    fork their workers, and Django does not renew the pools.
    """
    pooled = [name for name in connections if connections[name].settings_dict["OPTIONS"].get("pool")]
    if pooled and hasattr(os, "register_at_fork"):  # Windows has no forks.
        os.register_at_fork(after_in_child=lambda: _forget_pools(pooled))


def _forget_pools(aliases: list[str]) -> None:
    for name in aliases:
        wrapper: Any = connections[name]
        _inherited.extend([wrapper.connection, *wrapper._connection_pools.values()])
        wrapper._connection_pools.clear()
        wrapper.connection = None
