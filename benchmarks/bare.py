"""The limit: one asyncio loop with httpx that makes the calls and writes the files, and does nothing else.

It makes the same calls as ours with the same widths: the vendor fetches both pictures from it and calls it
back; then it asks once and fetches. It keeps no books: what dies with it is lost, and paid. It takes the
result's bytes as they come.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from .blocking import KEY, STATUS, SUBMIT
from .pictures import garment, person
from .shop import OPTIONS

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class Bare:
    """One run."""

    def __init__(self, *, gateway: str, folder: str, submits: int, calls: int) -> None:
        self.folder = Path(folder)
        self.submits, self.calls = asyncio.Semaphore(submits), asyncio.Semaphore(calls)
        self.done: dict[str, asyncio.Event] = {}
        self.here = ""
        once = httpx.Limits(max_keepalive_connections=0)
        common: dict[str, Any] = {"base_url": gateway, "headers": KEY, "timeout": 30, "trust_env": False}
        self.once, self.kept = httpx.AsyncClient(limits=once, **common), httpx.AsyncClient(**common)

    async def run(self, number: int) -> float:
        """Seconds until the last file is written."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512)
        self.here = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        async with self.once, self.kept, server:
            began = time.monotonic()
            await asyncio.gather(*[self.render(str(each)) for each in range(number)])
            return time.monotonic() - began

    async def render(self, name: str) -> None:
        """Submit, be called back, ask, fetch, write."""
        self.done[name] = asyncio.Event()
        body = {"model_image": f"{self.here}/person", "garment_image": f"{self.here}/garment", **OPTIONS}
        async with self.submits:
            hook = {"X-Webhook-URL": f"{self.here}/done/{name}"}
            vendor_id = (await self.once.post(SUBMIT, json=body, headers=hook)).json()["request_id"]
        await self.done[name].wait()
        async with self.calls:
            answer = (await self.kept.get(STATUS + vendor_id)).json()
            picture = await self.once.get(answer["output"]["media_url"][0])
        await asyncio.to_thread((self.folder / f"{name}.jpg").write_bytes, picture.content)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Its own two pictures, and the callbacks."""
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        if path.startswith("/done/"):
            self.done[path.rpartition("/")[2]].set()
        body = {"/person": person(), "/garment": garment()}.get(path, b"")
        writer.write(OK % len(body) + body)
        await writer.drain()
        writer.close()


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    count = options.pop("number")

    async def main() -> float:
        """Made within the loop."""
        return await Bare(**options).run(count)

    print(json.dumps({"seconds": asyncio.run(main())}))
