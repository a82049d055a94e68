"""The database that holds the package's tables, transactions in it, and their repetition after conflicts.

Other modules use neither `django.db.transaction` nor `django.db.connection`, which always mean `default`.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.apps import apps
from django.db import DatabaseError, OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused

View = TypeVar("View", bound=Callable[..., Any])
P = ParamSpec("P")
T = TypeVar("T")

CONFLICTS = {
    *("40001", "40P01", "55P03"),  # PostgreSQL: serialization failure, deadlock, lock not available.
    *(1205, 1213),  # MySQL and MariaDB: lock wait timeout, deadlock.
    *("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"),
}
"""The databases' codes of errors that roll a transaction back and need not occur again."""

RETRY_SECONDS = 5.0
"""The time for which a function is repeated after conflicts."""

MAX_PAUSE_SECONDS = 0.1
"""The maximum pause before a repetition. It is random, so that two transactions do not meet again."""

RETRY_AFTER_SECONDS = 5
"""The value of Retry-After if a request failed because of conflicts."""

_inherited: list[object] = []
"""The pools and connections that this process has inherited. Deleting them could wait for their threads."""


def alias() -> str:
    """Return the alias of the database to which the shop's routers write the package's tables."""
    return router.db_for_write(apps.get_model("vton", "TryOnRequest"))


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to that database."""
    return connections[alias()]


@contextmanager
def borrowed_connection() -> Iterator[BaseDatabaseWrapper]:
    """Use this thread's connection, and close it again if it was not open.

    This is for code that also runs in threads whose connections nobody closes, such as those for images.
    """
    borrowed = connection()
    is_open = borrowed.connection is not None
    try:
        yield borrowed
    finally:
        if not is_open:
            borrowed.close()


# Transactions ---------------------------------------------------------------------------------------


@contextmanager
def atomic(*, savepoint: bool = True) -> Iterator[None]:
    """Begin a transaction, or a savepoint inside of one. See `django.db.transaction.atomic`.

    A transaction is READ COMMITTED even if the shop's are not, since a row must be read again once it is
    locked. A higher level keeps the snapshot from before the lock, in which limits look unused.
    """
    using = connection()
    if using.in_atomic_block or not using.get_autocommit():
        with transaction.atomic(using=using.alias, savepoint=savepoint):
            yield
    else:
        with _read_committed(using), transaction.atomic(using=using.alias):
            yield


@contextmanager
def _read_committed(using: BaseDatabaseWrapper) -> Iterator[None]:
    """Set the isolation level of the next transaction. This costs a statement only if it is needed."""
    if using.vendor == "postgresql":
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        driver: Any = using.connection
        configured = driver.isolation_level
        with using.wrap_database_errors:
            driver.isolation_level = IsolationLevel.READ_COMMITTED  # The driver sends it with its BEGIN.
        try:
            yield
        finally:
            if not driver.closed:
                driver.isolation_level = configured
        return
    # Django sets READ COMMITTED, which is not the server's default, unless the shop chooses another level.
    if using.vendor == "mysql" and getattr(using, "isolation_level", None) != "read committed":
        with using.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    yield


def savepoint(using: str | None = None) -> AbstractContextManager[None]:
    """Return a savepoint if a transaction is open, here or on another alias. Otherwise do not begin one.

    After its reads, SQLite would reject a transaction's write without waiting if another one has the lock.
    """
    using = using or alias()
    is_open = connections[using].in_atomic_block
    return transaction.atomic(using=using) if is_open else nullcontext()


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


# Conflicts ------------------------------------------------------------------------------------------


def is_conflict(error: BaseException | None) -> bool:
    """Return whether the cause is a conflict with another transaction, so that ours was rolled back."""
    while error is not None:
        # Django's errors have the codes of MySQL, and the drivers' errors the others.
        codes = [getattr(error, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname")]
        if isinstance(error, OperationalError):
            codes += error.args[:1]
        if not CONFLICTS.isdisjoint(codes):
            return True
        error = error.__cause__
    return False


def retry(unit: Callable[P, T]) -> Callable[P, T]:
    """Repeat a function after conflicts, for `RETRY_SECONDS`. Then raise the last error.

    The function must leave nothing behind that its repetition would count twice. Inside of a transaction,
    raise the error at once: only the whole transaction can be repeated.
    """

    @wraps(unit)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        ends = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                return unit(*args, **kwargs)
            except Exception as error:
                if not is_conflict(error) or connection().in_atomic_block or time.monotonic() > ends:
                    raise
            time.sleep(random.uniform(0, MAX_PAUSE_SECONDS))  # noqa: S311 - not a secret

    return repeated


def roll_back_request() -> None:
    """Roll back the transaction that Django has begun for the request (ATOMIC_REQUESTS), if there is one.

    MariaDB goes on with a transaction after a lock timeout, and would commit its first half.
    """
    if connection().in_atomic_block:
        transaction.set_rollback(True, using=alias())


def conflict_refusal(error: Exception) -> Refused | None:
    """Return the refusal (503, with Retry-After) of a request that a conflict has ended, or None."""
    return Refused("unavailable", retry_after=RETRY_AFTER_SECONDS) if is_conflict(error) else None


@contextmanager
def refusing_conflicts() -> Iterator[None]:
    """Raise `Refused` instead of a conflict."""
    try:
        yield
    except DatabaseError as error:
        if (refusal := conflict_refusal(error)) is None:
            raise
        raise refusal from error
