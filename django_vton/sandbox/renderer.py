"""Run the renders and send their callbacks.

A waiting render is an asyncio task without a thread. Only decoding and drawing run in threads.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from .drawing import draw
from .engine import Engine, Render
from .http import RequestError, send_request
from .images import ImageLoadError, check_image, load_image
from .ledger import Ledger
from .parameters import Parameters, is_url
from .scenario import Scenario

SYNC_CALLBACK_SECONDS = 15  # In sync mode the vendor calls back at least this often.
CALLBACK_SECONDS = 5
CALLBACK_BYTES = 64 * 1024
CALLBACK_TRIES = 4
CONCURRENT_DOWNLOADS = 8
KEPT_BYTES = 512 * 1024 * 1024  # The maximum size of all results together.
VARIANTS = 4  # Of the pictures of the same images; more would keep fewer of them in the cache of `draw`.
FINAL_STATUSES = frozenset({"COMPLETED", "FAILED", "ERROR"})
DEFAULT_ERRORS = {
    "FAILED": "PipelineError: The render could not be completed",
    "ERROR": "ThirdPartyError: A system error occurred",
}

T = TypeVar("T")


class Renderer:
    """Runs all renders in the gateway's event loop, and keeps them by request ID."""

    def __init__(self, ledger: Ledger, *, seconds: float, retry_seconds: float) -> None:
        self.renders: dict[str, Render] = {}
        self.base_url = ""
        self._ledger = ledger
        self._seconds = seconds
        self._retry_seconds = retry_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._with_results: deque[Render] = deque()
        self._result_bytes = 0
        self._equal_renders: Counter[tuple[bool, int, int]] = Counter()
        # A development server has a short backlog and refuses more connections at once.
        self._downloads = asyncio.Semaphore(CONCURRENT_DOWNLOADS)
        # Only two threads, because the application under development runs on the same machine.
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="vton-sandbox")

    async def load_images(self, parameters: Parameters, engine: Engine, scenario: Scenario) -> list[bytes]:
        """Return the photo and any product. Raise `ImageLoadError` if one fails to load or breaks a limit."""
        loaded = []
        for source, kind in ((parameters.photo, "model"), (parameters.product, "product")):
            if source is not None:
                name = f"{kind} image"
                if is_url(source) and scenario.blocked in {"all", kind}:
                    raise ImageLoadError(f"{name} could not be fetched: HTTP status 403")
                async with self._downloads:
                    data = await load_image(source, name, engine)
                await self._in_thread(partial(check_image, data, name, engine))
                loaded.append(data)
        return loaded

    async def start(self, render: Render) -> None:
        """Charge and start a render. Wait for its end if the scenario requires that before the response."""
        render.status = render.engine.queued
        self.renders[render.request_id] = render
        self._ledger.update(
            render.entry,
            outcome="accepted",
            request_id=render.request_id,
            state=render.engine.spell(render.status),
            amount=render.parameters.images_charged * render.engine.price,
        )
        scenario = render.scenario
        if render.engine.is_synchronous and scenario.submit not in {"queued", "terminal"}:
            await asyncio.wait([self._spawn(self._run(render))])
        elif scenario.submit == "terminal" or scenario.callback_early:
            self._finish(render, await self._results(render))
            if scenario.callback_early:
                await self._send_callbacks(render)
            else:
                self._spawn(self._send_callbacks(render))
        else:
            self._spawn(self._run(render))

    async def close(self) -> None:
        """Cancel all renders and release the threads."""
        await self.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def clear(self) -> None:
        """Cancel and remove all renders."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.renders.clear()
        self._with_results.clear()
        self._equal_renders.clear()
        self._result_bytes = 0

    async def _run(self, render: Render) -> None:
        seconds = self._seconds if render.scenario.seconds is None else render.scenario.seconds
        end = asyncio.get_running_loop().time() + seconds
        await asyncio.sleep(seconds / 4)
        self._set_status(render, render.scenario.running or render.engine.processing)
        results = await self._results(render)
        while not render.error and (left := end - asyncio.get_running_loop().time()) > 0:
            if render.parameters.callback_mode == "sync" and render.scenario.callbacks:
                self._spawn(self._send_callback(render))
            await asyncio.sleep(min(left, SYNC_CALLBACK_SECONDS))
        self._finish(render, results)
        await self._send_callbacks(render)

    async def _results(self, render: Render) -> list[bytes]:
        """Return the drawn results; [] if the render fails. Set its `error` if an input cannot be loaded.

        A render that fails loads its inputs first, but an error of the vendor's system can come before that.
        """
        scenario = render.scenario
        if scenario.outcome not in {"COMPLETED", "FAILED"}:
            return []
        parameters = render.parameters
        try:
            photo, *products = render.inputs or await self.load_images(parameters, render.engine, scenario)
            if scenario.outcome == "FAILED":
                return []
            product = products[0] if products and not scenario.unchanged else None
            count = parameters.images_returned
            # The same request again gives another picture, as with a vendor that takes no seed.
            request = is_url(parameters.photo), hash(photo), hash(product)
            variant = self._equal_renders[request] % VARIANTS
            self._equal_renders[request] += 1
            drawing = partial(
                draw,
                *(photo, product, parameters.placement, parameters.format),
                samples=count,
                variant=variant,
            )
            return [await self._in_thread(partial(drawing, sample=sample)) for sample in range(count)]
        except ImageLoadError as error:
            render.error = scenario.error or f"ImageLoadError: {error}"
            return []
        finally:
            render.inputs = []

    def _finish(self, render: Render, results: list[bytes]) -> None:
        outcome = "FAILED" if render.error else render.scenario.outcome
        if outcome == "COMPLETED":
            self._keep(render, results)
        if outcome in DEFAULT_ERRORS:
            render.error = render.error or render.scenario.error or DEFAULT_ERRORS[outcome]
        if outcome in FINAL_STATUSES:
            render.ended_at = datetime.now(UTC)
            self._ledger.update(render.entry, ended=render.ended_at.isoformat())
        self._set_status(render, outcome)
        if outcome == "ERROR":  # In the document: "System error - not charged".
            self._ledger.update(render.entry, amount=0, refunded=True)

    async def _send_callbacks(self, render: Render) -> None:
        if render.ended_at is None:
            return
        await asyncio.sleep(render.scenario.callback_seconds)
        for _ in range(render.scenario.callbacks):
            await self._send_callback(render)

    async def _send_callback(self, render: Render) -> None:
        """Send a callback at most `CALLBACK_TRIES` times, with growing delays, until the response is 2xx."""
        if not render.parameters.callback_url:
            return
        body = render.scenario.callback_body
        if body is None:
            body = json.dumps(render.engine.status_json(render, self.base_url))
        await self._deliver(render.request_id, render.parameters.callback_url, body.encode())

    def send_later(self, request_id: str, url: str, bodies: list[bytes]) -> None:
        """Send callbacks with these bodies, one after another, when a render would have ended."""

        async def send() -> None:
            await asyncio.sleep(self._seconds)
            for body in bodies:
                await self._deliver(request_id, url, body)

        self._spawn(send())

    async def _deliver(self, request_id: str, url: str, body: bytes) -> None:
        for retry in range(CALLBACK_TRIES):
            if retry:
                await asyncio.sleep(self._retry_seconds * 2 ** (retry - 1))
            self._ledger.count(request_id, "callbacks_sent")
            try:
                status, _ = await send_request(
                    "POST", url, body=body, seconds=CALLBACK_SECONDS, limit=CALLBACK_BYTES
                )
            except RequestError:
                continue
            if 200 <= status <= 299:  # noqa: PLR2004 - the HTTP class of success
                self._ledger.count(request_id, "callbacks_acknowledged")
                return

    def _set_status(self, render: Render, status: str) -> None:
        render.status = status
        self._ledger.update(render.entry, state=render.engine.spell(status))

    def _keep(self, render: Render, results: list[bytes]) -> None:
        """Keep the results. Delete the oldest results while all together have more than `KEPT_BYTES`."""
        render.results = results
        self._with_results.append(render)
        self._result_bytes += sum(map(len, results))
        while self._result_bytes > KEPT_BYTES:
            oldest = self._with_results.popleft()
            self._result_bytes -= sum(map(len, oldest.results))
            oldest.results = []

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
