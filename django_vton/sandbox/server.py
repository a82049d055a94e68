"""The gateway's routes, on asyncio: the two engines as documented, and `/_sandbox/` beside them."""

import asyncio
import hmac
import json
import logging
from datetime import UTC, datetime
from typing import Any

from . import answers, statuspage
from .fashn import Fashn
from .glass import Glass
from .http11 import (
    IDLE_SECONDS,
    MAX_HEAD,
    MalformedError,
    Request,
    Response,
    is_ours,
    json_response,
    read_request,
    write_response,
)
from .ledger import Entry, Ledger, callback_note, without_bulk
from .order import InvalidError
from .pictures import ImageLoadError
from .renders import Render, Renders
from .scenario import Scenario, Scenarios

logger = logging.getLogger("django_vton.sandbox")

KEY_HEADER = "Ocp-Apim-Subscription-Key"
OURS = "Not for pages of other sites; open it at a loopback address."
FASHN, GLASS = Fashn(), Glass()


class Server:
    """Answers requests, in one event loop; `ledger` and `scenarios` may be shared with other threads."""

    def __init__(
        self, ledger: Ledger, scenarios: Scenarios, *, key: str, seconds: float, retry_seconds: float
    ) -> None:
        self._ledger = ledger
        self._scenarios = scenarios
        self._key = key
        self._renders = Renders(ledger, seconds=seconds, retry_seconds=retry_seconds)
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._host = ""

    async def start(self, host: str, port: int) -> str:
        """Listens, and returns the base URL. Raises OSError where the port is taken."""
        self._listener = await asyncio.start_server(self._connected, host, port, limit=MAX_HEAD, backlog=512)
        self._host = host
        bound = self._listener.sockets[0].getsockname()[1]
        self._renders.base = f"http://{host}:{bound}"
        return self._renders.base

    async def stop(self) -> None:
        """Closes every connection, and drops the renders under way."""
        if self._listener:
            self._listener.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._renders.close()

    async def reset(self) -> None:
        """An empty ledger, no scenarios, no renders."""
        self._scenarios.clear()
        await self._renders.forget()
        self._ledger.clear()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        try:
            stays = True
            while stays:
                stays = await self._exchange(reader, writer)
        except (OSError, EOFError):
            pass  # The client has left, or idled too long (TimeoutError is an OSError).
        except asyncio.CancelledError:
            writer.transport.abort()  # Closing would wait for a client that reads no more.
            raise
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        keep_alive = False
        try:
            request = await asyncio.wait_for(read_request(reader, writer), IDLE_SECONDS)
            if request is None:
                return False
            keep_alive = request.headers.get("Connection", "").lower() != "close"
            response = await self._answer(request)
            outcome = response.status if response.manner == "whole" else response.manner
            logger.info("%s %s %s", request.method, request.path, outcome)
        except MalformedError as error:
            response = json_response(error.status, {"error": str(error)})
        return await write_response(reader, writer, response, keep_alive=keep_alive)

    async def _answer(self, request: Request) -> Response:
        """Finds the route. A wrong method is an unknown endpoint, as the documents name no 405."""
        method, path = request.method, request.path
        if path.startswith("/_sandbox/"):
            return await self._control(request) if is_ours(request, self._host) else answers.error(403, OURS)
        if method == "GET" and path.startswith("/v1/"):
            return self._media(path, moved=request.query == "moved")
        for engine in (FASHN, GLASS):
            if (method, path) == ("POST", engine.submit_path):
                return await self._submit(engine, request)
        if method == "GET" and path.startswith(FASHN.status_path):
            return self._keyed(request) or self._status(FASHN, path.removeprefix(FASHN.status_path))
        if (method, path) == ("POST", GLASS.result_path):
            return self._keyed(request) or self._result(request)
        return answers.error(404)

    def _keyed(self, request: Request) -> Response | None:
        """The refusal of a request with a missing or a wrong key."""
        given = request.headers.get(KEY_HEADER, "").strip()
        if given and (not self._key or hmac.compare_digest(given.encode(), self._key.encode())):
            return None
        return answers.error(401)

    async def _submit(self, engine: Fashn | Glass, request: Request) -> Response:
        """Writes a submit into the ledger, whatever becomes of it."""
        body = _json(request)
        entry = Entry(datetime.now(UTC).isoformat(), engine.name, body=without_bulk(body))
        self._ledger.arrive(entry)
        scenario = self._scenarios.take(engine.name)
        response = self._keyed(request)
        if response is None and scenario.submit_status and not scenario.accepted:
            response = answers.refusal(scenario)
        if response is None:
            response = await self._order(engine, request, body, scenario, entry)
        self._ledger.write(
            entry,
            outcome="accepted" if entry.request_id else "refused",
            answer=None if response.manner in {"close", "hang"} else response.status,
        )
        await asyncio.sleep(scenario.submit_seconds)
        return response

    async def _order(
        self, engine: Fashn | Glass, request: Request, body: Any, scenario: Scenario, entry: Entry
    ) -> Response:
        if request.headers.get_content_type() != "application/json":
            return answers.error(400, "Content-Type must be application/json")
        try:
            order = engine.read(body)
            url, mode = engine.read_callback(request.headers)
            images = await self._renders.load(order, engine) if engine.loads_at_submit else []
        except (InvalidError, ImageLoadError) as error:
            return answers.error(400, str(error))
        if url:
            self._ledger.write(entry, callback=callback_note(url, mode))
        render = Render(engine, engine.new_id(), order, scenario, entry, url, mode, images=images)
        await self._renders.accept(render)
        return self._accepted(render)

    def _accepted(self, render: Render) -> Response:
        """The answer to an accepted submit, or what the scenario makes of it."""
        scenario, base = render.scenario, self._renders.base
        status, body = render.engine.accepted(render, base)
        if scenario.submit_status:
            return answers.refusal(scenario)
        if scenario.submit == "close":
            return Response(manner="close")
        if scenario.submit == "hang":
            return Response(manner="hang")
        # An early callback overtakes an answer that was written before it.
        body["status"] = render.engine.word(render.engine.queued)
        if scenario.submit == "no_id":
            del body["request_id"]
            body.pop("polling_url", None)
        elif scenario.submit == "terminal":
            body |= render.engine.answer(render, base)
        return json_response(status, body)

    def _result(self, request: Request) -> Response:
        body = _json(request)
        request_id = body.get("request_id") if isinstance(body, dict) else None
        if not isinstance(request_id, str):
            return answers.error(400, "request_id is required and must be a string")
        return self._status(GLASS, request_id)

    def _status(self, engine: Fashn | Glass, request_id: str) -> Response:
        render = self._renders.by_id.get(request_id)
        if render is None or render.engine is not engine:
            return answers.error(404, "No request with this id")
        asks = self._ledger.count(request_id, "asks")
        scenario = render.scenario
        if asks <= scenario.unknown_asks:
            return answers.error(404, "No request with this id")
        if asks <= scenario.unknown_asks + scenario.failed_asks:
            return answers.error(500)
        return json_response(200, engine.answer(render, self._renders.base))

    def _media(self, path: str, *, moved: bool) -> Response:
        """A picture, with no key: whoever has the URL may fetch it, as with the vendor."""
        parts = path.split("/")
        render = self._renders.by_id.get(parts[2])
        if render is None or not render.pictures:
            return answers.page(404)
        paths = [each.rpartition(".")[0] for each in render.media_paths("")]
        if path.rpartition(".")[0] not in paths:
            return answers.page(404)
        picture = render.pictures[paths.index(path.rpartition(".")[0])]
        fetches = self._ledger.count(render.request_id, "media_fetches")
        scenario = render.scenario
        if moved or (scenario.result_times is not None and fetches > scenario.result_times):
            return Response(200, picture, render.engine.media_type(render))
        return _spoilt(picture, scenario, render.engine.media_type(render), path)

    async def _control(self, request: Request) -> Response:
        """What the vendor has not: the ledger, the scenarios, a page for people."""
        match request.method, request.path.removeprefix("/_sandbox/"):
            case "GET", "":
                body = statuspage.render(self._ledger).encode()
                return Response(200, body, "text/html; charset=utf-8")
            case "GET", "ledger":
                return json_response(200, self._ledger.as_dict())
            case "POST", "reset":
                await self.reset()
                return json_response(200, {"reset": True})
            case "POST", "scenario":
                return self._set_scenario(_json(request))
            case "DELETE", "scenario":
                self._scenarios.clear()
                return json_response(200, {"cleared": True})
        return answers.error(404)

    def _set_scenario(self, data: Any) -> Response:
        try:
            scenario = Scenario.from_json(data)
        except ValueError as error:
            return json_response(400, {"error": str(error)})
        self._scenarios.add(scenario)
        return json_response(200, scenario.as_dict())


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return None


def _spoilt(picture: bytes, scenario: Scenario, media_type: str, path: str) -> Response:
    match scenario.result:
        case "broken":
            picture = picture[:16] + bytes(len(picture) - 16)
        case "truncated":
            picture = picture[: len(picture) // 2]
        case "cut":
            return Response(200, picture, media_type, manner="cut")
        case "endless":
            return Response(200, picture[:1024], media_type, manner="endless")
        case "html":
            return answers.page(200)
        case "missing":
            return answers.page(404)
        case "redirect":
            return Response(302, b"", headers={"Location": f"{path}?moved"})
    return Response(200, picture, media_type, seconds=scenario.result_seconds)
