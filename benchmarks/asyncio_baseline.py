"""The upper bound for our throughput: one asyncio loop with httpx that makes the calls and writes the files.

It makes the same calls as django-vton with the same concurrency: the vendor downloads both images from it and
calls it back; then it polls once and downloads the result. It has no database, so a crash loses try-ons that
are paid. It decodes the result and compares it with the photo only if `images` is true.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from django_vton.images import make_thumbnail
from django_vton.images.isolated import Comparison, decode_result

from .blocking_task import API_KEY, STATUS_PATH, SUBMIT_PATH
from .sample_images import person_photo, product_image
from .shop_process import OPTIONS

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class AsyncioBaseline:
    """One run."""

    def __init__(self, *, gateway: str, folder: str, submits: int, calls: int, images: bool) -> None:
        self.folder = Path(folder)
        # As many threads as two dispatchers have.
        self.images = ThreadPoolExecutor(4) if images else None
        self.comparison = Comparison(make_thumbnail(person_photo()).data, "garment")
        self.submits, self.calls = asyncio.Semaphore(submits), asyncio.Semaphore(calls)
        self.done: dict[str, asyncio.Event] = {}
        self.url = ""
        no_keepalive = httpx.Limits(max_keepalive_connections=0)
        common: dict[str, Any] = {"base_url": gateway, "headers": API_KEY, "timeout": 30, "trust_env": False}
        self.http, self.pooled_http = (
            httpx.AsyncClient(limits=no_keepalive, **common),
            httpx.AsyncClient(**common),
        )

    async def run(self, number: int) -> float:
        """Seconds until the last file is written."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512)
        self.url = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        async with self.http, self.pooled_http, server:
            began = time.monotonic()
            await asyncio.gather(*[self.render(str(index)) for index in range(number)])
            return time.monotonic() - began

    async def render(self, name: str) -> None:
        """Submit, wait for the callback, poll, download, write the file."""
        self.done[name] = asyncio.Event()
        body = {"model_image": f"{self.url}/person", "garment_image": f"{self.url}/garment", **OPTIONS}
        async with self.submits:
            headers = {"X-Webhook-URL": f"{self.url}/done/{name}"}
            response = await self.http.post(SUBMIT_PATH, json=body, headers=headers)
            vendor_id = response.json()["request_id"]
        await self.done[name].wait()
        async with self.calls:
            status = (await self.pooled_http.get(STATUS_PATH + vendor_id)).json()
            result = await self.http.get(status["output"]["media_url"][0])
        content = result.content
        if self.images:
            decode = partial(decode_result, content, comparison=self.comparison)
            decoded = await asyncio.get_running_loop().run_in_executor(self.images, decode)
            content = decoded.image.data + decoded.thumbnail.data
        await asyncio.to_thread((self.folder / f"{name}.jpg").write_bytes, content)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the two images and receive the callbacks."""
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        if path.startswith("/done/"):
            self.done[path.rpartition("/")[2]].set()
        body = {"/person": person_photo(), "/garment": product_image()}.get(path, b"")
        writer.write(OK % len(body) + body)
        await writer.drain()
        writer.close()


async def main() -> float:
    """Run with the options in the first argument, as JSON. The baseline must be created inside the loop."""
    options = json.loads(sys.argv[1])
    number = options.pop("number")
    return await AsyncioBaseline(**options).run(number)


if __name__ == "__main__":
    print(json.dumps({"seconds": asyncio.run(main())}))
