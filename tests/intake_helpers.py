"""Helpers: order try-ons, list stored files, and run code concurrently."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.models import User
from django.db import connection, connections, transaction

from django_vton.intake import AcceptedRequest, TryOnOrder, request_tryon
from django_vton.shoppers import Visitor

from .tryons import product_ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from django_vton.models import Shopper
    from shop.models import Product

T = TypeVar("T")


@dataclass(frozen=True)
class StoredFiles:
    """The folder of the private storage."""

    root: Path

    def names(self, folder: str = "") -> set[str]:
        paths = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return {str(name) for name in paths if str(name).startswith(f"vton/{folder}")}


def order_tryon(
    product: Product, visitor: Visitor, photo: bytes | None = None, /, **fields: Any
) -> AcceptedRequest:
    """Order a try-on, with consent unless `consent=False` is passed."""
    values: Mapping[str, Any] = {"product": product_ref(product), "consent": True} | fields
    return request_tryon(
        TryOnOrder(visitor=visitor, photo=None if photo is None else io.BytesIO(photo), **values)
    )


def user_visitor(name: str = "ada") -> Visitor:
    user, _created = User.objects.get_or_create(username=name)
    return Visitor(user_id=user.pk)


def get_shopper(visitor: Visitor) -> Shopper:
    shopper = visitor.find_shopper()
    assert shopper is not None
    return shopper


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction that is rolled back at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def normalize_sql(sql: str) -> str:
    """Replace MariaDB's own syntax by that of the other databases."""
    return sql.replace("`", '"').replace("INSERT IGNORE", "INSERT")


@contextmanager
def run_before_statement(statement: str | tuple[str, ...], action: Callable[[], object]) -> Iterator[None]:
    """Run `action` once, right before the first SQL statement that begins with `statement`."""
    waiting = [action]

    def run_action(execute: Any, sql: str, *rest: Any) -> Any:
        if waiting and normalize_sql(sql).startswith(statement):
            waiting.pop()()
        return execute(sql, *rest)

    with connection.execute_wrapper(run_action):
        yield
    assert not waiting, f"there was no {statement!r}"


def run_concurrently(*calls: Callable[[], T]) -> list[T | Exception | None]:
    """Start each call in its own thread at the same moment; return what each of them returned or raised."""
    start = threading.Barrier(len(calls))
    results: list[T | Exception | None] = [None] * len(calls)

    def run(index: int) -> None:
        start.wait(10)
        try:
            results[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - the test checks it
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[index]) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return results
