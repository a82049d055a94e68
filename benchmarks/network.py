"""Several machines simulated on one: network namespaces with TCP forwarding between them.

A machine only reaches what is forwarded to its own loopback; if it is killed, its connections break. If
namespaces are not allowed, its processes run on the host.
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

LOOPBACK = "127.0.0.1"
CHUNK = 64 * 1024
CLONE_NEWNET = 0x40000000


@cache
def has_namespaces() -> bool:
    """Whether this machine allows us to create network namespaces."""
    with suppress(OSError):
        return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0  # noqa: S607 - The path differs between systems.
    return False


class Machine:
    """A namespace that lasts until `stop`; `prefix` before a command runs it there."""

    def __init__(self) -> None:
        self.prefix: list[str] = []
        self._holder: subprocess.Popen[bytes] | None = None
        if has_namespaces():
            script = "ip link set lo up && echo up && exec sleep infinity"
            self._holder = subprocess.Popen(
                ["unshare", "--net", "sh", "-c", script],  # noqa: S607 - See above.
                stdout=subprocess.PIPE,
            )
            assert self._holder.stdout is not None
            assert self._holder.stdout.readline() == b"up\n"
            self.prefix = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]
        # A socket belongs to the namespace of the thread that creates it, wherever it is used.
        self._socket_thread = ThreadPoolExecutor(1, initializer=self._enter)

    def socket(self) -> socket.socket:
        """A TCP socket in this namespace."""
        return self._socket_thread.submit(nonblocking_socket).result()

    def stop(self) -> None:
        """Remove the namespace."""
        self._socket_thread.shutdown()
        if self._holder is not None:
            self._holder.kill()
            self._holder.communicate()

    def _enter(self) -> None:
        if self._holder is None:
            return
        handle = os.open(Path(f"/proc/{self._holder.pid}/ns/net"), os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(handle)


class PortForwarder:
    """Forwards TCP connections between the host and its namespaces, in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def forward(self, machine: Machine, ports: Iterable[int]) -> None:
        """Make services of the host available on the loopback of `machine`, on the same ports."""
        if machine.prefix:
            for port in ports:
                listener = machine.socket()
                listener.bind((LOOPBACK, port))
                self._run(self._serve(listener, itertools.repeat((nonblocking_socket, port))))

    def load_balance(self, port: int, webs: Iterable[tuple[Machine, int]]) -> None:
        """Forward connections to a port of the host to the machines in turn."""
        listener = nonblocking_socket()
        listener.bind((LOOPBACK, port))
        self._run(self._serve(listener, itertools.cycle([(machine.socket, at) for machine, at in webs])))

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _serve(
        self, listener: socket.socket, targets: Iterable[tuple[Callable[[], socket.socket], int]]
    ) -> None:
        turns = iter(targets)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = asyncio.current_task()
            assert connection is not None
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)
            create_socket, port = next(turns)
            target = create_socket()
            writers = [writer]
            try:
                with suppress(OSError, asyncio.CancelledError):
                    await self._loop.sock_connect(target, (LOOPBACK, port))
                    target_reader, target_writer = await asyncio.open_connection(sock=target)
                    writers.append(target_writer)
                    await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))
            finally:
                target.close()
                for open_writer in writers:
                    open_writer.transport.abort()

        self._servers.append(await asyncio.start_server(handle, sock=listener, backlog=512))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def nonblocking_socket() -> socket.socket:
    """A TCP socket in the network namespace of the calling thread."""
    new = socket.socket()
    new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    new.setblocking(False)
    return new


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
