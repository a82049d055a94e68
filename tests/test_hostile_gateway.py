"""A gateway that means harm, the whole way: a failed render, and nothing else.

Nothing comes out of the pump, no file is kept, memory stays bounded, the money is booked by the rules, and
what the shopper reads is ours.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import random
import socket
import ssl
import subprocess
import zlib
from asyncio import selector_events
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from django_vton.messages import RENDER_MESSAGES
from django_vton.models import TryOnImage, TryOnRequest
from django_vton.models.states import State
from django_vton.worker import jobs

from .doors import TRY_ONS
from .hostile_gateway import MB, HostileGateway, answer, as_json, endless
from .images.files import HTML, SVG, header_only, png, png_chunk
from .lifecycle.desk import Desk, stored_results
from .people import user_visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shop.models import Product

    from .conftest import PhotoMaker, Vton
    from .hostile_gateway import Said
    from .people import Files

WORDS = "HOSTILE-WORDS"


@pytest.fixture(autouse=True)
def _shop(transactional_db: None, files: Files, vton: Vton) -> None:  # noqa: ARG001 - the pump has its own connection
    vton(PIXAZO_API_KEY="k" * 40, QUOTA=None, IP_QUOTA=None, IN_FLIGHT=100)


@pytest.fixture
def gateway(vton: Vton) -> Iterator[HostileGateway]:
    with HostileGateway() as running:
        vton(PIXAZO_BASE_URL=running.url)
        yield running


@pytest.fixture
def desk(gateway: HostileGateway, phone_photo: PhotoMaker, glasses: Product) -> Desk:
    return Desk(gateway, phone_photo, glasses)  # type: ignore[arg-type] # it has a ledger, as the sandbox does


@contextmanager
def grows_less_than(megabytes: int) -> Iterator[None]:
    """This process' memory, at its peak: the web server's side of each test is in it as well."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    yield
    grown = (_memory("VmHWM") - before) // 1000
    assert grown < megabytes, f"{grown} MB"


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def ends(desk: Desk, row: TryOnRequest, looks: int = 5) -> TryOnRequest:
    """The pump looks until it gives up: three times, where what comes is no picture."""
    for _ in range(looks):
        desk.look()
        row.refresh_from_db()
        if row.finished_at is not None:
            break
        desk.due(row)
    return row


def only_failed(
    desk: Desk, row: TryOnRequest, caplog: pytest.LogCaptureFixture, code: str = "vendor"
) -> None:
    """It failed with this code, paid once, and that is all that there is of it."""
    row = desk.reload(row, State.FAILED, code)
    assert desk.money(row) == ["spent"]
    assert desk.posts() == 1
    assert stored_results() == set()
    assert not TryOnImage.objects.exists()
    assert [it.getMessage() for it in caplog.records if it.levelno >= logging.ERROR] == []
    browser = Client()
    browser.force_login(User.objects.get(username="ada"))
    told = browser.get(f"{TRY_ONS}{row.pk}/")
    assert told.json()["status"] == "failed"
    assert (told.json()["error"]["code"], told.json()["error"]["message"]) == (code, RENDER_MESSAGES[code])
    assert told.json()["images"] == []
    page = browser.get(told.json()["page_url"])
    assert page.status_code == 200
    for text in (told.content, page.content):
        assert WORDS.encode() not in text


def asked(desk: Desk) -> TryOnRequest:
    return desk.ask(user_visitor())


# Pictures -------------------------------------------------------------------------------------------


GZIP = 16 + zlib.MAX_WBITS


@cache
def zeros(wbits: int) -> bytes:
    """200 MB of them in 200 kB."""
    packer = zlib.compressobj(wbits=wbits)
    return b"".join([*(packer.compress(bytes(MB)) for _ in range(200)), packer.flush()])


@cache
def _bomb() -> bytes:
    """A picture of two million pixels, with two texts of 200 MB in it that take 200 kB each."""
    text = png_chunk(b"zTXt", b"Comment\0\0" + zeros(zlib.MAX_WBITS))
    return png(1400, 1400, 2, 8, b"\0" * 1400, text, text)


NO_PICTURES: dict[str, Callable[[], Said]] = {
    "html": lambda: answer(HTML + WORDS.encode(), "Content-Type: text/html"),
    "svg": lambda: answer(SVG, "Content-Type: image/svg+xml"),
    "svg that says png": lambda: answer(SVG, "Content-Type: image/png"),
    "nothing": answer,
    "jpeg of 65535 x 65535": lambda: answer(header_only(65535, 65535)[0], "Content-Type: image/jpeg"),
    "png of 200000 x 200000": lambda: answer(header_only(200_000, 200_000)[1], "Content-Type: image/png"),
    "webp of 16384 x 16384": lambda: answer(header_only(16384, 16384)[2], "Content-Type: image/webp"),
    "png with texts of 400 MB": lambda: answer(_bomb(), "Content-Type: image/png"),
    "endless": lambda: endless(bytes(65536)),
    "endless png": lambda: endless(header_only(1000, 1000)[1]),
    "2 GB, said before": lambda: answer(b"\x89PNG", length=2_000_000_000),
    "2 GB, not said": lambda: endless(bytes(MB)),
    "gzip bomb": lambda: answer(zeros(GZIP), "Content-Encoding: gzip"),
    "moved inside": lambda: answer(b"", "Location: http://169.254.169.254/x", status="302 Found"),
    "moved to a file": lambda: answer(b"", "Location: file:///etc/passwd", status="307 Temporary Redirect"),
    "gone": lambda: answer(status="410 Gone"),
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_fails(
    desk: Desk, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    gateway.picture = NO_PICTURES[name]
    row = asked(desk)
    with grows_less_than(130):
        row = ends(desk, row)
    only_failed(desk, row, caplog)
    assert gateway.requests == {"submit": 1, "picture": 3}
    # The client lets 32 MB in; the rest is what lies in the buffers between two sockets.
    assert gateway.sent < 3 * 45 * MB


def _floods() -> dict[str, Callable[[HostileGateway], Said]]:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return {
        "drips": lambda gateway: gateway.dripping(b"\xff"),
        "headers without end": lambda _: endless(
            b"X-Filler: " + b"x" * 1000 + b"\r\n", b"HTTP/1.1 200 OK\r\n"
        ),
        "a header without end": lambda _: endless(b"x" * 1000, b"HTTP/1.1 200 OK\r\nX-Filler: "),
        "a status line without end": lambda _: endless(b"x" * 1000, b"HTTP/1.1 200 "),
        "early hints without end": lambda _: endless(early * 100, b""),
        "chunks of one byte": lambda _: endless(b"1\r\nx\r\n" * 1000, chunked),
        "a chunk of a size without end": lambda _: endless(b"f" * 1000, chunked),
        "no http": lambda _: [b"\0\xff" * 1000],
        "hangs up": lambda _: [],
    }


@pytest.mark.parametrize("name", _floods())
def test_what_does_not_come_to_an_end_is_left_and_given_up_after_a_day(
    desk: Desk,
    gateway: HostileGateway,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr(jobs, "FETCH_SECONDS", 0.5)
    gateway.picture = lambda: _floods()[name](gateway)
    row = asked(desk)
    with grows_less_than(60):
        desk.look()
        desk.look()
    row = desk.reload(row, State.RENDERED)
    assert row.download_failures == 0
    desk.due(row)
    desk.move(row, rendered_at=timedelta(hours=-25))
    desk.look()
    only_failed(desk, row, caplog)


def test_many_pictures_that_never_end_take_no_more_memory_than_a_few(
    desk: Desk, gateway: HostileGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PICTURES_AT_ONCE", 2)
    gateway.picture = lambda: endless(bytes(65536))
    rows = [desk.ask(user_visitor()) for _ in range(12)]
    while TryOnRequest.objects.filter(state=State.QUEUED).exists():
        desk.look()
    with grows_less_than(200):
        for row in rows:
            desk.due(row)
        desk.look()
    assert gateway.requests["picture"] >= 12
    assert {row.state for row in TryOnRequest.objects.all()} <= {State.RENDERED, State.FAILED}
    assert stored_results() == set()


def test_no_more_pictures_are_fetched_than_were_asked_for(desk: Desk, gateway: HostileGateway) -> None:
    gateway.result = [f"{gateway.url}/picture/{number}" for number in range(5000)]
    picture = io.BytesIO()
    Image.new("RGB", (400, 600), "white").save(picture, "JPEG")
    gateway.picture = lambda: answer(picture.getvalue())
    one = asked(desk)
    two = desk.ask(user_visitor("bob"))
    TryOnRequest.objects.filter(pk=two.pk).update(options={"num_images": 2})
    desk.look()
    desk.look()
    assert desk.reload(one, State.COMPLETED).image_count == 1
    assert desk.reload(two, State.COMPLETED).image_count == 2
    assert gateway.requests["picture"] == 3


# Answers --------------------------------------------------------------------------------------------

DEEP = 50_000
ODD: list[Any] = [None, True, 0, -1.5, "", "x", [], [[]], {}, {"a": [{}]}, 10**300, WORDS * 100, "\0\ud800"]


def _mess(seed: int) -> dict[str, Any]:
    """All the fields that a gateway knows, with values that they never have."""
    names = ["status", "success", "image_url", "output", "error", "message", "completed_at", "created_at"]
    names += ["content_type", "file_size", "polling_url", "model_id", WORDS]
    rng = random.Random(seed)  # noqa: S311 - no secret
    return {name: rng.choice(ODD) for name in names}


ANSWERS: dict[str, Callable[[str], Said]] = {
    "html": lambda _: answer(HTML, "Content-Type: text/html"),
    "empty": lambda _: answer(),
    "deep": lambda _: answer(b"[" * DEEP + b"]" * DEEP),
    "deep below an id": lambda it: answer(
        b'{"request_id": "%s", "status": ' % it.encode() + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}"
    ),
    "not a number": lambda _: answer(b'{"request_id": NaN, "status": Infinity}'),
    "a number of 4000 digits": lambda _: answer(b'{"request_id": ' + b"9" * 4000 + b"}"),
    "a number of 400,000 digits": lambda _: answer(b'{"request_id": ' + b"9" * 400_000 + b"}"),
    "an id that is none": lambda _: as_json({"request_id": {"$ne": None}, "status": "completed"}),
    "10 MB": lambda it: as_json({"request_id": it, "status": "submitted", "x": "y" * 10 * MB}),
    "10 MB of brackets": lambda _: answer(b"[" + b"[]," * (3 * MB) + b"[]]"),
    "gzip bomb": lambda _: answer(zeros(GZIP), "Content-Encoding: gzip"),
    "deflate bomb": lambda _: answer(zeros(zlib.MAX_WBITS), "Content-Encoding: deflate"),
    "broken gzip": lambda _: answer(b"\x1f\x8bnot", "Content-Encoding: gzip"),
    "an unheard-of encoding": lambda _: answer(b"{}", "Content-Encoding: x-unheard-of"),
    "endless": lambda _: endless(b" " * 65536),
    "headers without end": lambda _: endless(b"X-Filler: " + b"x" * 1000 + b"\r\n", b"HTTP/1.1 200 OK\r\n"),
    "moved inside": lambda _: answer(b"", "Location: http://127.0.0.1:1/", status="307 Temporary Redirect"),
    "an unheard-of status": lambda _: answer(b"{}", status="799 " + WORDS),
    "no http": lambda _: [b"\0" * 1000],
    "hangs up": lambda _: [],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_to_the_submit_that_says_nothing_leaves_it_in_doubt_and_sends_it_once(
    desk: Desk, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    gateway.submit = ANSWERS[name]
    row = asked(desk)
    with grows_less_than(60):
        desk.look()
    row = desk.reload(row, State.UNKNOWN)
    assert desk.money(row) == ["held"]
    desk.due(row)
    desk.look()
    only_failed(desk, row, caplog, "outcome_unknown")
    assert gateway.requests == {"submit": 1}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_to_a_question_that_says_nothing_is_asked_again_until_the_deadline(
    desk: Desk, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    gateway.submit, gateway.ask = gateway.accepted, ANSWERS[name]
    _until_the_deadline(desk, gateway, caplog)


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "data:image/png;base64,iVBORw0KGgo=", "ftp://results.test/x"),
        *("javascript:alert(1)", "gopher://127.0.0.1:6379/_x", "//results.test/x", "/etc/passwd"),
        *("https://results.test/" + "x" * 5000, "https://results.test/a b", "https://results.test/\n", "\0"),
        *([], [[]], {}, {"url": "https://results.test/x"}, 7, True),
    ],
    ids=lambda value: str(value)[:40].encode("unicode_escape").decode(),
)
def test_a_completed_render_without_a_web_address_is_waited_for(
    desk: Desk, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, url: Any
) -> None:
    gateway.submit = gateway.accepted
    gateway.ask = lambda it: as_json({"request_id": it, "status": "completed", "image_url": url})
    _until_the_deadline(desk, gateway, caplog)


def _until_the_deadline(desk: Desk, gateway: HostileGateway, caplog: pytest.LogCaptureFixture) -> None:
    row = asked(desk)
    desk.look()
    desk.due(row)
    with grows_less_than(60):
        desk.look()
    row = desk.reload(row, State.SUBMITTED)
    desk.due(row)
    desk.posted(row, timedelta(minutes=16))
    desk.look()
    only_failed(desk, row, caplog, "deadline")
    assert gateway.requests == {"submit": 1, "ask": 2}


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_an_answer_that_is_encoded_though_nobody_asked_is_read_all_the_same(
    desk: Desk, gateway: HostileGateway, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    """It may be a proxy on the way, and the render is paid for."""
    plain = {"status": "completed", "image_url": gateway.result_url()}
    gateway.submit = lambda it: answer(
        encode(json.dumps(plain | {"request_id": it}).encode()), f"Content-Encoding: {encoding}"
    )
    row = asked(desk)
    desk.look()
    desk.reload(row, State.RENDERED)


@pytest.mark.parametrize("seed", range(6))
def test_wrong_types_everywhere_end_in_no_exception(
    desk: Desk, gateway: HostileGateway, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    gateway.submit = lambda it: as_json({"request_id": it} | _mess(seed) | {"status": "submitted"})
    gateway.ask = lambda it: as_json({"request_id": it} | _mess(1000 + seed))
    _until_the_deadline(desk, gateway, caplog)


def test_a_render_that_failed_in_a_thousand_words_says_ours(
    desk: Desk, gateway: HostileGateway, caplog: pytest.LogCaptureFixture
) -> None:
    error = {"name": f"<script>{WORDS}</script>" * 1000, "message": f"https://evil.test/{WORDS} \0\ud800"}
    gateway.submit = lambda it: as_json({"request_id": it, "status": "FAILED", "error": error})
    row = asked(desk)
    desk.look()
    only_failed(desk, row, caplog)


# Away from the sandbox: https and public addresses only ----------------------------------------------

PUBLIC = "93.184.215.14"


class Network:
    """The names that a resolver knows, and who was connected to. Nothing leaves this machine."""

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        """For each name its answers, one after the other; the last one stays."""
        self.looked_up: list[str] = []
        self.connected: list[str] = []

    def getaddrinfo(self, real: Callable[..., Any], host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.names:
            if name.endswith(".test"):
                raise socket.gaierror(socket.EAI_NONAME, "unknown")
            return real(host, port, *args, **kwargs)
        self.looked_up.append(name)
        answers = self.names[name]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in found for entry in real(address, port, *args, **kwargs)]

    async def connect(self, real: Any, loop: Any, sock: socket.socket, address: Any) -> None:
        self.connected.append(address[0])
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError(111, "There is no such network.")
        await real(loop, sock, address)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For gateway.test and results.test, in one file with its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, crt, both = folder / "key.pem", folder / "crt.pem", folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", "/CN=gateway.test"),
            *("-addext", "subjectAltName=DNS:gateway.test,DNS:results.test"),
            *("-keyout", key, "-out", crt),
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(key.read_bytes() + crt.read_bytes())
    return both


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()
    real_look_up, loops = socket.getaddrinfo, selector_events.BaseSelectorEventLoop
    real_connect = loops.sock_connect
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found.getaddrinfo(real_look_up, *a, **k))
    monkeypatch.setattr(loops, "sock_connect", lambda *a: found.connect(real_connect, *a))
    return found


@pytest.fixture
def secure(
    certificate: Path, network: Network, vton: Vton, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HostileGateway]:
    """A gateway as in production: by name, over TLS."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **_options: trusting)
    with HostileGateway(server) as running:
        network.names["gateway.test"] = [["127.0.0.1"]]
        network.names["results.test"] = [[PUBLIC]]
        vton(PIXAZO_BASE_URL=running.url)
        yield running


@pytest.fixture
def open_desk(secure: HostileGateway, phone_photo: PhotoMaker, glasses: Product) -> Desk:
    return Desk(secure, phone_photo, glasses)  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        *((f"https://{host}:PORT/picture", "not public") for host in (
            "127.0.0.1", "localhost", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",  # noqa: S104 - nobody binds
            "169.254.169.254", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255",
            "2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "2852039166",
            "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]", "[fe80::1]", "[fd00::1]", "[fec0::1]", "[2001:db8::1]", "[ff02::1]",
            "[fd00:ec2::254]", "gateway.test",
        )),
        ("http://results.test/picture", "not https"),
        ("http://127.0.0.1:PORT/picture", "not https"),
        ("https://user@results.test/picture", "with a user"),
        ("https://user:secret@127.0.0.1:PORT/picture", "with a user"),
        ("https://results.test:0/picture", "no real port"),
        ("https://results.test:65536/picture", "no real port"),
        ("https://[::1/picture", "not a URL"),
        ("https://results.test\\@127.0.0.1:PORT/picture", "not"),
        ("https:///picture", "without a host"),
    ],
)  # fmt: skip
def test_a_result_that_is_not_on_the_public_internet_is_never_connected_to(
    open_desk: Desk,
    secure: HostileGateway,
    network: Network,
    caplog: pytest.LogCaptureFixture,
    url: str,
    reason: str,
) -> None:
    secure.result = url.replace("PORT", str(secure.port))
    row = ends(open_desk, asked(open_desk))
    only_failed(open_desk, row, caplog)
    assert secure.requests == {"submit": 1}
    assert network.connected == ["127.0.0.1"], "the submit's connection, and no other"
    assert reason in caplog.text
    assert "secret" not in caplog.text


def test_a_public_host_is_connected_to_also_at_another_port(
    open_desk: Desk, secure: HostileGateway, network: Network
) -> None:
    """So that the test above cannot pass for want of any connection."""
    secure.result = "https://results.test:8443/picture"
    row = ends(open_desk, asked(open_desk), looks=2)
    open_desk.reload(row, State.RENDERED)
    assert network.connected == ["127.0.0.1", PUBLIC]


@pytest.mark.parametrize("answers", [[[PUBLIC], ["127.0.0.1"]], [[PUBLIC, "127.0.0.1"]], [["::1", PUBLIC]]])
def test_a_name_that_changes_its_mind_leads_nowhere(
    open_desk: Desk,
    secure: HostileGateway,
    network: Network,
    caplog: pytest.LogCaptureFixture,
    answers: list[list[str]],
) -> None:
    """The address that was looked at is the one that is connected to; the name is not looked up again."""
    network.names["results.test"] = [list(addresses) for addresses in answers]
    secure.result = f"https://results.test:{secure.port}/picture"
    row = ends(open_desk, asked(open_desk))
    only_failed(open_desk, row, caplog)
    assert secure.requests == {"submit": 1}
    fetches = network.looked_up.count("results.test")
    assert network.connected == ["127.0.0.1"] + [PUBLIC] * (fetches - 3)


@pytest.mark.parametrize(
    "host",
    ["evil.test", "results.test.evil.test", "xresults.test", "results.test%2eevil.test", "r\u0435sults.test"],
)
def test_hosts_that_are_not_among_the_result_hosts_are_not_looked_up(
    open_desk: Desk,
    secure: HostileGateway,
    network: Network,
    vton: Vton,
    caplog: pytest.LogCaptureFixture,
    host: str,
) -> None:
    vton(RESULT_HOSTS=["results.test"])
    network.names["evil.test"] = network.names["results.test.evil.test"] = [[PUBLIC]]
    secure.result = json.loads(json.dumps(f"https://{host}/picture"))
    secure.submit = secure.accepted if not host.isascii() else secure.completed
    if not host.isascii():  # No link of the vendor's has such letters: the render is waited for.
        _until_the_deadline(open_desk, secure, caplog)
    else:
        only_failed(open_desk, ends(open_desk, asked(open_desk)), caplog)
    assert set(network.looked_up) == {"gateway.test"}
