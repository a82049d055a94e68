"""The gateway in a thread, for tests and for the `vton_sandbox` command."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any, Self

from .ledger import Ledger
from .replay import Replays
from .scenario import Scenario, Scenarios
from .server import Server


class Gateway:
    """A fake of Pixazo's gateway on loopback.

    With `port` 0 it chooses a free port. With an empty `key` it accepts any key, but requests still need one.
    A render takes `seconds`. A callback whose response is not 2xx is sent again after `retry_seconds`, then
    after twice and after four times as long.

        with Gateway(seconds=0.3) as gateway:
            gateway.scenario(submit_status=429, retry_after=7)
            ... gateway.url, gateway.ledger.totals ...
    """

    def __init__(
        self,
        *,
        port: int = 0,
        key: str = "",
        seconds: float = 8,
        retry_seconds: float = 2,
        host: str = "127.0.0.1",
    ) -> None:
        self.url = ""
        self.ledger = Ledger()
        self._scenarios = Scenarios()
        self._replays = Replays()
        self._host = host
        self._port = port
        self._options: dict[str, Any] = {"key": key, "seconds": seconds, "retry_seconds": retry_seconds}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> None:
        """Start the gateway and return when it listens. Raise `OSError` if the port is in use."""
        started: Future[str] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main(started)), name="vton-sandbox", daemon=True
        )
        self._thread.start()
        self.url = started.result()
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """Stop the gateway. The renders are lost, the ledger is kept. `start` uses the same port again."""
        if self._thread and self._loop and self._stop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def scenario(self, **fields: Any) -> Scenario:
        """Add and return a `Scenario` with these fields. Raise `ValueError` if one is invalid."""
        scenario = Scenario.from_json(fields)
        self._scenarios.add(scenario)
        return scenario

    def replay(self, transcript: object) -> None:
        """Answer the next submits and their polls as in a transcript, as `vton_transcript --json` prints it.

        Each of its attempts answers one submit to the same path, with the ids of the transcript. Its polls
        get the recorded answers in order, the last one again and again, and the callbacks come after as many
        polls as they did. Removed URLs become those of a picture. The parameters are not validated. Raise
        `ValueError` if it is no transcript.
        """
        self._replays.add(transcript)

    def reset(self) -> None:
        """Remove all scenarios, transcripts, renders and entries of the ledger."""
        if self._loop and self._server:
            asyncio.run_coroutine_threadsafe(self._server.reset(), self._loop).result()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    async def _main(self, started: Future[str]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._server = Server(self.ledger, self._scenarios, self._replays, **self._options)
        try:
            started.set_result(await self._server.start(self._host, self._port))
        except Exception as error:  # noqa: BLE001 - `start` raises it
            started.set_exception(error)
            return
        await self._stop.wait()
        await self._server.stop()
