"""The pump's threads for the database: one unit of work at a time, each with connections that live."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import close_old_connections, connections

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class DbThread:
    """A thread of our own: asgiref's shared one stays broken after a cut connection, and hangs in a fork."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def __call__(self, work: Callable[..., T], *args: Any) -> T:
        """Do it there."""

        def unit() -> T:
            close_old_connections()
            try:
                return work(*args)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._executor, unit)

    def close(self) -> None:
        """End the thread, and its connections with it."""
        self._executor.submit(connections.close_all)
        self._executor.shutdown()
