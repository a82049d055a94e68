"""Scripted servers on real sockets, for what a mocked transport cannot show."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Handler = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    port: int = 0
    connections: int = 0
    requests: list[Request] = field(default_factory=list)
    received: bytes = b""
    server_names: list[str | None] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Exchange:
    """One connection, as a handler sees it."""

    server: Server
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> Request | None:
        """The next complete request; None if the client has closed the connection."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as cut:
            self.server.received += cut.partial
            return None
        line, *rest = head.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (header.split(": ", 1) for header in rest)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(line, headers, body)
        self.server.requests.append(request)
        self.server.received += head + body
        self.server.arrived.set()
        return request

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"{}", status: str = "200 OK", *headers: str) -> None:
        extra = "".join(f"{header}\r\n" for header in headers)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        await self.send(head.encode() + body)


@asynccontextmanager
async def serve(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server on a free port of 127.0.0.1 that calls ``handler`` for each connection."""
    server = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        try:
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await handler(Exchange(server, reader, writer))
        finally:
            writer.close()

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: server.server_names.append(name)
    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def respond_always(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> Handler:
    """A handler that sends the same response to each request and keeps the connection open."""

    async def handler(exchange: Exchange) -> None:
        while await exchange.request():
            await exchange.answer(body, status, *headers)

    return handler


async def never_respond(exchange: Exchange) -> None:
    """Read requests without ever responding."""
    while await exchange.request():
        pass


async def respond_endlessly(exchange: Exchange) -> None:
    """Send a chunked body without end."""
    await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


class Resolver:
    """A DNS lookup that returns fixed addresses and records the requested hosts."""

    def __init__(self, *addresses: str, error: Exception | None = None) -> None:
        self.addresses = list(addresses)
        self.error = error
        self.hosts: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.hosts.append((host, port))
        if self.error:
            raise self.error
        return self.addresses
