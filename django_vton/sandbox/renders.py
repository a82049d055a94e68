"""The renders under way: from accepted to their end, and their callbacks.

A render that takes its time is a sleeping task and holds no thread; only decoding and drawing take one.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from . import http11, pictures
from .drawing import draw
from .fashn import Fashn
from .glass import Glass
from .ledger import Entry, Ledger
from .order import Order
from .scenario import Scenario

POLL_SECONDS = 15  # In sync mode the vendor asks, and calls back, at least this often.
CALLBACK_SECONDS = 5
FETCHES = 8
CALLBACK_TRIES = 4
ACKNOWLEDGED = 2  # Hundreds.
KEPT_BYTES = 512 * 1024 * 1024
TERMINAL = frozenset({"COMPLETED", "FAILED", "ERROR"})
ERRORS = {
    "FAILED": "PipelineError: The render could not be completed",
    "ERROR": "ThirdPartyError: A system error occurred",
}


T = TypeVar("T")


@dataclass
class Render:
    """One accepted submit."""

    engine: Fashn | Glass
    request_id: str
    order: Order
    scenario: Scenario
    entry: Entry
    callback_url: str = ""
    callback_mode: str = "terminal"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None
    status: str = ""
    error: str = ""
    images: list[bytes] = field(default_factory=list, repr=False)  #: photo, product; loaded
    pictures: list[bytes] = field(default_factory=list, repr=False)

    def media_paths(self, extension: str) -> list[str]:
        """Where its pictures are served."""
        name = self.engine.media_name
        numbers = ["", *(f"-{number}" for number in range(2, len(self.pictures) + 1))]
        return [f"/v1/{self.request_id}/{name}{number}.{extension}" for number in numbers]

    def media_urls(self, base: str, extension: str) -> list[str]:
        """The pictures' URLs, as the answer gives them."""
        if self.scenario.result_url:
            return [self.scenario.result_url] * len(self.pictures)
        return [base + path for path in self.media_paths(extension)]


class Renders:
    """All renders, by request id. Lives in the gateway's event loop."""

    def __init__(self, ledger: Ledger, *, seconds: float, retry_seconds: float) -> None:
        self.by_id: dict[str, Render] = {}
        self.base = ""
        self._ledger = ledger
        self._seconds = seconds
        self._retry_seconds = retry_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._shown: deque[Render] = deque()
        self._shown_bytes = 0
        # A development server's backlog is short: more connections at once would be turned away.
        self._fetches = asyncio.Semaphore(FETCHES)
        # Few: the shop under development wants the processor too.
        self._hands = ThreadPoolExecutor(max_workers=2, thread_name_prefix="vton-sandbox")

    async def load(self, order: Order, engine: Fashn | Glass) -> list[bytes]:
        """The order's images, within the engine's limits. Raises pictures.ImageLoadError."""
        loaded = []
        for source, name in ((order.photo, "model image"), (order.product, "product image")):
            if source is not None:
                async with self._fetches:
                    data = await pictures.load(source, name, engine)
                await self._by_hand(partial(pictures.check, data, name, engine))
                loaded.append(data)
        return loaded

    async def accept(self, render: Render) -> None:
        """Takes a render on; returns at once, or after its end where the scenario wants it ended by then."""
        render.status = render.engine.queued
        self.by_id[render.request_id] = render
        samples = render.order.samples
        self._ledger.write(
            render.entry,
            outcome="accepted",
            request_id=render.request_id,
            state=render.engine.word(render.status),
            amount=samples * render.engine.price,
        )
        scenario = render.scenario
        if scenario.submit == "terminal" or scenario.callback_early:
            self._finish(render, await self._work(render))
            if scenario.callback_early:
                await self._announce(render)
            else:
                self._spawn(self._announce(render))
        else:
            self._spawn(self._run(render))

    async def close(self) -> None:
        """Drops every render under way."""
        await self.forget()
        self._hands.shutdown(wait=False, cancel_futures=True)

    async def forget(self) -> None:
        """Back to no renders."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.by_id.clear()
        self._shown.clear()
        self._shown_bytes = 0

    async def _run(self, render: Render) -> None:
        seconds = self._seconds if render.scenario.seconds is None else render.scenario.seconds
        ends = asyncio.get_running_loop().time() + seconds
        await asyncio.sleep(seconds / 4)
        self._set(render, render.scenario.running or render.engine.processing)
        drawn = await self._work(render)
        while not render.error and (left := ends - asyncio.get_running_loop().time()) > 0:
            if render.callback_mode == "sync" and render.scenario.callbacks:
                self._spawn(self._call_back(render))
            await asyncio.sleep(min(left, POLL_SECONDS))
        self._finish(render, drawn)
        await self._announce(render)

    async def _work(self, render: Render) -> list[bytes]:
        """Loads and draws, which is done at the beginning: what cannot be loaded cannot be rendered."""
        if render.scenario.outcome != "COMPLETED":
            return []
        try:
            render.images = render.images or await self.load(render.order, render.engine)
            return await self._draw(render)
        except pictures.ImageLoadError as error:
            render.error = f"ImageLoadError: {error}"
            return []
        finally:
            render.images = []

    def _finish(self, render: Render, drawn: list[bytes]) -> None:
        """Sets the last status, with the pictures."""
        outcome = "FAILED" if render.error else render.scenario.outcome
        if outcome == "COMPLETED":
            self._keep(render, drawn)
        if outcome in ERRORS:
            render.error = render.error or render.scenario.error or ERRORS[outcome]
        if outcome in TERMINAL:
            render.ended_at = datetime.now(UTC)
            self._ledger.write(render.entry, ended=render.ended_at.isoformat())
        self._set(render, outcome)
        if outcome == "ERROR":  # "System error - not charged"
            self._ledger.write(render.entry, amount=0, refunded=True)

    async def _draw(self, render: Render) -> list[bytes]:
        order, photo = render.order, render.images[0]
        product = render.images[1] if order.product else None
        drawn = []
        for sample in range(order.pictures):
            work = partial(
                draw, photo, product, order.placement, order.format, sample=sample, samples=order.pictures
            )
            drawn.append(await self._by_hand(work))
        return drawn

    async def _announce(self, render: Render) -> None:
        if render.ended_at is None:
            return
        await asyncio.sleep(render.scenario.callback_seconds)
        for _ in range(render.scenario.callbacks):
            await self._call_back(render)

    async def _call_back(self, render: Render) -> None:
        """One callback, tried again after growing pauses where it is not answered 2xx."""
        if not render.callback_url:
            return
        answer = json.dumps(render.engine.answer(render, self.base))
        body = answer if render.scenario.callback_body is None else render.scenario.callback_body
        for tried in range(CALLBACK_TRIES):
            if tried:
                await asyncio.sleep(self._retry_seconds * 2 ** (tried - 1))
            self._ledger.count(render.request_id, "callbacks_sent")
            try:
                status, _ = await http11.call(
                    "POST",
                    render.callback_url,
                    headers={"Content-Type": "application/json"},
                    body=body.encode(),
                    seconds=CALLBACK_SECONDS,
                    limit=http11.MAX_HEAD,
                )
            except http11.UnreachableError:
                continue
            if status // 100 == ACKNOWLEDGED:
                self._ledger.count(render.request_id, "callbacks_acknowledged")
                return

    def _set(self, render: Render, status: str) -> None:
        render.status = status
        self._ledger.write(render.entry, state=render.engine.word(status))

    def _keep(self, render: Render, drawn: list[bytes]) -> None:
        """These, and so many of the earlier ones as there is room for."""
        render.pictures = drawn
        self._shown.append(render)
        self._shown_bytes += sum(map(len, render.pictures))
        while self._shown_bytes > KEPT_BYTES:
            oldest = self._shown.popleft()
            self._shown_bytes -= sum(map(len, oldest.pictures))
            oldest.pictures = []

    async def _by_hand(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hands, work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
