"""Machines in one: network namespaces, each with a loopback of its own, and wires between them.

A machine sees nothing but what a wire brings to its own loopback; a killed one takes its connections with it.
Where namespaces are not allowed, its processes run beside the others.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

HERE = "127.0.0.1"
CHUNK = 64 * 1024
NEW_NETWORK = 0x40000000


@cache
def has_namespaces() -> bool:
    """Whether this machine lets us make them."""
    with suppress(OSError):
        return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0  # noqa: S607 - where it is differs
    return False


class Machine:
    """A namespace that lasts until `stop`; `prefix` before a command runs it there."""

    def __init__(self) -> None:
        self.prefix: list[str] = []
        self._holder: subprocess.Popen[bytes] | None = None
        if has_namespaces():
            script = "ip link set lo up && echo up && exec sleep infinity"
            self._holder = subprocess.Popen(
                ["unshare", "--net", "sh", "-c", script],  # noqa: S607 - as above
                stdout=subprocess.PIPE,
            )
            assert self._holder.stdout is not None
            assert self._holder.stdout.readline() == b"up\n"
            self.prefix = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]
        # Sockets belong to the namespace of the thread that makes them, wherever they are used.
        self._maker = ThreadPoolExecutor(1, initializer=self._enter)

    def socket(self) -> socket.socket:
        """A TCP socket of this machine."""

        def make() -> socket.socket:
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setblocking(False)
            return made

        return self._maker.submit(make).result()

    def stop(self) -> None:
        """No more of it."""
        self._maker.shutdown()
        if self._holder is not None:
            self._holder.kill()
            self._holder.communicate()

    def _enter(self) -> None:
        if self._holder is None:
            return
        handle = os.open(Path(f"/proc/{self._holder.pid}/ns/net"), os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(handle)


class Wires:
    """Carries TCP between this machine and its namespaces, in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._calls: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def bring(self, machine: Machine, ports: Iterable[int]) -> None:
        """Services of this machine appear on another's loopback, under the same ports."""
        if machine.prefix:
            for port in ports:
                listener = machine.socket()
                listener.bind((HERE, port))
                self._do(self._serve(listener, itertools.repeat((socket_here, port))))

    def balance(self, port: int, webs: Iterable[tuple[Machine, int]]) -> None:
        """What comes to this machine's port goes to the machines in turn."""
        listener = socket_here()
        listener.bind((HERE, port))
        self._do(self._serve(listener, itertools.cycle([(machine.socket, at) for machine, at in webs])))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _serve(
        self, listener: socket.socket, targets: Iterable[tuple[Callable[[], socket.socket], int]]
    ) -> None:
        turns = iter(targets)

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            call = asyncio.current_task()
            assert call is not None
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            make, port = next(turns)
            beyond = make()
            writers = [writer]
            try:
                with suppress(OSError, asyncio.CancelledError):
                    await self._loop.sock_connect(beyond, (HERE, port))
                    there, back = await asyncio.open_connection(sock=beyond)
                    writers.append(back)
                    await asyncio.gather(_carry(reader, back), _carry(there, writer))
            finally:
                beyond.close()
                for each in writers:
                    each.transport.abort()

        self._servers.append(await asyncio.start_server(take, sock=listener, backlog=512))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


def socket_here() -> socket.socket:
    """A TCP socket of this machine itself."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)
    return made


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
