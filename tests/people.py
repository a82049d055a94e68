"""What tests of the people side do: visitors who ask, files that are counted, threads that meet."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.models import User
from django.db import connection, connections, transaction

from django_vton.intake import Accepted, TryOnOrder, request_tryon
from django_vton.shoppers import Visitor

from .doors import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from django_vton.models import Shopper
    from shop.models import Product

T = TypeVar("T")


@dataclass(frozen=True)
class Files:
    """The private storage's folder."""

    root: Path

    def names(self, folder: str = "") -> set[str]:
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return {str(name) for name in found if str(name).startswith(f"vton/{folder}")}


def asked(product: Product, visitor: Visitor, photo: bytes | None = None, /, **more: Any) -> Accepted:
    """A try-on, accepted, with consent unless it says otherwise."""
    values: Mapping[str, Any] = {"product": ref(product), "consent": True} | more
    return request_tryon(
        TryOnOrder(visitor=visitor, photo=None if photo is None else io.BytesIO(photo), **values)
    )


def user_visitor(name: str = "ada") -> Visitor:
    user, _created = User.objects.get_or_create(username=name)
    return Visitor(user_id=user.pk)


def shopper_of(visitor: Visitor) -> Shopper:
    shopper = visitor.shopper()
    assert shopper is not None
    return shopper


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction whose work comes to nothing."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def standard(sql: str) -> str:
    """A statement of MariaDB's as the others have it."""
    return sql.replace("`", '"').replace("INSERT IGNORE", "INSERT")


@contextmanager
def meanwhile(statement: str | tuple[str, ...], action: Callable[[], object]) -> Iterator[None]:
    """Somebody else acts once, right before the first statement that begins so: between two looks of ours."""
    waiting = [action]

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        if waiting and standard(sql).startswith(statement):
            waiting.pop()()
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        yield
    assert not waiting, f"there was no {statement!r}"


def at_once(*calls: Callable[[], T]) -> list[T | Exception | None]:
    """What each call returned or raised; all are let go at the same moment, each in a thread of its own."""
    start = threading.Barrier(len(calls))
    found: list[T | Exception | None] = [None] * len(calls)

    def run(place: int) -> None:
        start.wait(10)
        try:
            found[place] = calls[place]()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            found[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return found
