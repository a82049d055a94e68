"""The endpoints of the gateway: those of the engines, and `/_sandbox/`."""

import asyncio
import hmac
import logging
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import h11

from . import status_page
from .engine import Engine, Render
from .error_responses import error_page, error_response, scenario_response
from .fashn import Fashn
from .glass import Glass
from .http import Request, Response, is_cross_site, json_response, read_request, write_response
from .idm_vton import ClothingVton, IdmVton
from .images import ImageLoadError
from .kling import Kling
from .ledger import Entry, Ledger, describe_callback, without_long_values
from .parameters import InvalidParameterError
from .renderer import Renderer
from .replay import IMAGE_FOLDER, Replayer, Replays
from .scenario import Scenario, Scenarios

logger = logging.getLogger("django_vton.sandbox")

KEY_HEADER = "ocp-apim-subscription-key"
IDLE_SECONDS = 120
CROSS_SITE = "Requests from other sites are refused. Use a URL on loopback."
ENGINES: tuple[Engine, ...] = (Fashn(), Glass(), IdmVton(), ClothingVton(), Kling())


class Server:
    """Serves requests in one event loop. The first three arguments may be shared with other threads."""

    def __init__(
        self,
        ledger: Ledger,
        scenarios: Scenarios,
        replays: Replays,
        *,
        key: str,
        seconds: float,
        retry_seconds: float,
    ) -> None:
        self._ledger = ledger
        self._scenarios = scenarios
        self._replays = replays
        self._key = key
        self._renderer = Renderer(ledger, seconds=seconds, retry_seconds=retry_seconds)
        self._replayer = Replayer(replays, ledger, self._renderer)
        self._images = {"v1": self._result_image, IMAGE_FOLDER: self._replayer.image}
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._host = ""

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the base URL. Raise `OSError` if the port is in use."""
        self._listener = await asyncio.start_server(self._on_connect, host, port, backlog=512)
        self._host = host
        port = self._listener.sockets[0].getsockname()[1]
        self._renderer.base_url = f"http://{host}:{port}"
        return self._renderer.base_url

    async def stop(self) -> None:
        """Close all connections and cancel all renders."""
        if self._listener:
            self._listener.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._renderer.close()

    async def reset(self) -> None:
        """Remove all scenarios, transcripts, renders and entries of the ledger."""
        self._scenarios.clear()
        self._replays.clear()
        await self._renderer.clear()
        self._ledger.clear()

    def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the requests of one connection."""
        connection = h11.Connection(h11.SERVER)
        try:
            while await self._exchange(connection, reader, writer):
                pass
        except (OSError, h11.LocalProtocolError):
            pass  # The client disconnected, was idle (TimeoutError is an OSError), or must not get a body.
        except asyncio.CancelledError:
            writer.transport.abort()  # close() would wait for a client that has stopped reading.
            raise
        finally:
            writer.close()

    async def _exchange(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Serve one request. Return whether the connection can be used for another request."""
        try:
            request = await asyncio.wait_for(read_request(connection, reader, writer), IDLE_SECONDS)
        except h11.RemoteProtocolError as error:
            response = json_response(error.error_status_hint, {"error": str(error)}, Connection="close")
        else:
            if request is None:
                return False
            response = await self._respond(request)
            outcome = response.status if response.delivery == "complete" else response.delivery
            logger.info("%s %s %s", request.method, request.path, outcome)
        return await write_response(connection, reader, writer, response)

    async def _respond(self, request: Request) -> Response:
        """Route a request. A wrong method gets 404, because the documents have no 405."""
        method, path = request.method, request.path
        if path.startswith("/_sandbox/"):
            is_refused = is_cross_site(request, self._host)
            return error_response(403, CROSS_SITE) if is_refused else await self._control(request)
        if replay := self._replays.find(request):
            return self._check_key(request) or self._replayer.respond(replay, request)
        if method == "GET" and (serve := self._images.get(path.split("/")[1])):
            return serve(request)
        return await self._call_engine(request)

    async def _call_engine(self, request: Request) -> Response:
        for engine in ENGINES:
            if (request.method, request.path) == ("POST", engine.submit_path):
                return await self._submit(engine, request)
        for engine in ENGINES:
            if engine.poll.matches(request):
                return self._check_key(request) or self._answer_poll(engine, request)
        return error_response(404)

    def _check_key(self, request: Request) -> Response | None:
        """Return the error response if the key is missing or wrong, otherwise None."""
        given = request.headers.get(KEY_HEADER, "").strip()
        if given and (not self._key or hmac.compare_digest(given.encode(), self._key.encode())):
            return None
        return error_response(401)

    async def _submit(self, engine: Engine, request: Request) -> Response:
        """Record a submit in the ledger, and accept or refuse it."""
        body = request.json()
        entry = Entry(datetime.now(UTC).isoformat(), engine.name, body=without_long_values(body))
        self._ledger.add(entry)
        scenario = self._scenarios.next_for(engine.name)
        response = self._check_key(request)
        if response is None and scenario.submit_fails and not scenario.accepted:
            response = scenario_response(scenario)
        if response is None:
            response = await self._start_render(engine, request, body, scenario, entry)
        self._ledger.update(
            entry,
            outcome="accepted" if entry.request_id else "refused",
            answer=None if response.delivery in {"close", "hang"} else response.status,
        )
        await asyncio.sleep(scenario.submit_seconds)
        return response

    async def _start_render(
        self, engine: Engine, request: Request, body: Any, scenario: Scenario, entry: Entry
    ) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0]
        if content_type.strip().lower() != "application/json":
            return engine.refusal(400, "Content-Type must be application/json")
        try:
            parameters = engine.read(body, request.headers)
            inputs = []
            if engine.loads_at_submit:
                inputs = await self._renderer.load_images(parameters, engine, scenario)
        except (InvalidParameterError, ImageLoadError) as error:
            return engine.refusal(400, str(error))
        if url := parameters.callback_url:
            self._ledger.update(entry, callback=describe_callback(url, parameters.callback_mode))
        request_id = scenario.request_id or engine.new_id()
        render = Render(engine, request_id, parameters, scenario, entry, inputs=inputs)
        await self._renderer.start(render)
        return self._accepted_response(render)

    def _accepted_response(self, render: Render) -> Response:
        scenario, base_url = render.scenario, self._renderer.base_url
        if scenario.submit_fails:
            return scenario_response(scenario)
        if scenario.submit == "close":
            return Response(delivery="close")
        if scenario.submit == "hang":
            return Response(delivery="hang")
        status, body = render.engine.submit_json(render, base_url)
        if scenario.submit == "no_id":
            body = _without_fields(body, render.engine.id_names)
        elif scenario.submit == "terminal":
            body |= render.engine.status_json(render, base_url)
        return json_response(status, body)

    def _answer_poll(self, engine: Engine, request: Request) -> Response:
        """Answer a poll of a render of `engine`, or of another engine that is polled at the same endpoint."""
        try:
            request_id = engine.poll.read_id(request)
        except InvalidParameterError as error:
            return engine.refusal(400, str(error))
        render = self._renderer.renders.get(request_id)
        if render is None or render.engine.poll != engine.poll:
            return engine.refusal(404, "No request with this id")
        polls = self._ledger.count(request_id, "asks")
        scenario = render.scenario
        if polls <= scenario.unknown_asks:
            return engine.refusal(404, "No request with this id")
        if polls <= scenario.unknown_asks + scenario.failed_asks:
            return error_response(500)
        return json_response(200, render.engine.status_json(render, self._renderer.base_url))

    def _result_image(self, request: Request) -> Response:
        """Serve a result to everyone who knows its URL, without a key, as the vendor does."""
        path, redirected = request.path, request.query == "moved"
        render = self._renderer.renders.get(unquote(path.split("/")[2]))
        if render is None or not render.results:
            return error_page(404)
        extension = path.rpartition(".")[2]  # Any extension: Fashn's URLs end in ".ext", literally.
        paths = render.result_paths(extension)
        if path not in paths:
            return error_page(404)
        image = render.results[paths.index(path)]
        downloads = self._ledger.count(render.request_id, "media_fetches")
        media_type = render.parameters.result_type
        times = render.scenario.result_times
        if redirected or (times is not None and downloads > times):
            return Response(200, image, media_type)
        return _scenario_image(image, render.scenario, media_type, path)

    async def _control(self, request: Request) -> Response:
        """Serve the sandbox's own endpoints, which the vendor does not have."""
        match request.method, request.path.removeprefix("/_sandbox/"):
            case "GET", "":
                body = status_page.render_page(self._ledger).encode()
                return Response(200, body, "text/html; charset=utf-8")
            case "GET", "ledger":
                return json_response(200, self._ledger.as_dict())
            case "POST", "reset":
                await self.reset()
                return json_response(200, {"reset": True})
            case "POST", "scenario":
                return self._add_scenario(request.json())
            case "DELETE", "scenario":
                self._scenarios.clear()
                return json_response(200, {"cleared": True})
        return error_response(404)

    def _add_scenario(self, data: Any) -> Response:
        try:
            scenario = Scenario.from_json(data)
        except ValueError as error:
            return json_response(400, {"error": str(error)})
        self._scenarios.add(scenario)
        return json_response(200, asdict(scenario))


def _without_fields(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return a copy of a response's JSON without these fields, in it and in the objects in it."""
    return {
        name: _without_fields(value, names) if isinstance(value, dict) else value
        for name, value in data.items()
        if name not in names
    }


def _scenario_image(image: bytes, scenario: Scenario, media_type: str, path: str) -> Response:
    """Return the response that the scenario gives to the download of a result."""
    match scenario.result:
        case "broken":
            image = image[:16] + bytes(len(image) - 16)
        case "truncated":
            image = image[: len(image) // 2]
        case "cut":
            return Response(200, image, media_type, delivery="cut")
        case "endless":
            return Response(200, image[:1024], media_type, delivery="endless")
        case "html":
            return error_page(200)
        case "missing":
            return error_page(404)
        case "redirect":
            return Response(302, b"", headers={"Location": f"{path}?moved"})
    return Response(200, image, media_type, seconds=scenario.result_seconds)
