"""`vton_doctor --live` against the sandbox: each broken set-up has one thing to mend, and it is named."""

from __future__ import annotations

import io
import json
import re
import subprocess
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_vton.monitoring.live import FREE_STEPS, STEPS, Contact
from django_vton.monitoring.live.connections import check_latency, check_tls
from django_vton.monitoring.live.public_urls import check_files
from django_vton.pixazo import Fashn
from django_vton.pixazo.probe import Probe
from django_vton.utils.tokens import PROOF_HEADER

from ..hostile_gateway.helpers import PUBLIC, Network
from ..live_shop import TIMEOUT_SECONDS, RunningShop, wait_until
from .wall import Answer, Wall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ..conftest import Vton

ENGINE = "fashn-v1.6"
FOREIGN = "https://gateway.example"
"""A gateway that is not on this machine. The tests that name it connect to nothing."""

SOON = timezone.now() + timedelta(days=2)

VENDOR = "vton-sandbox"
"""The user agent of the vendor."""


class CommandRunner:
    """Runs the command in a process of its own, with the settings of the shop."""

    def __init__(self, shop: RunningShop, wall: Wall) -> None:
        self.shop = shop
        self.wall = wall

    def run(self, *args: str, **env: str) -> tuple[int, str]:
        """Return the exit code and what was printed."""
        done = subprocess.run(
            [*self.shop.command, "vton_doctor", "--live", ENGINE, *args],
            env=self.shop.env | env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    def diagnose(self, *args: str, **env: str) -> str:
        """Run the command, which finds a problem. Return the last line, which names what to mend."""
        code, printed = self.run(*args, **env)
        assert code == 1, printed
        assert printed.count("FAILED") == 1, printed
        return printed.splitlines()[-1]

    def submits(self) -> int:
        return len(self.shop.gateway.ledger.entries)

    def states(self) -> list[str]:
        return [
            state for (state,) in self.shop.sql("SELECT state FROM vton_tryonrequest ORDER BY created_at")
        ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandRunner]:
    with Wall() as wall:
        env = {"VTON_PUBLIC_BASE_URL": wall.url}
        shop = RunningShop(tmp_path_factory.mktemp("shop"), seconds=1.5, env=env)
        wall.target = shop.port
        with shop:
            yield CommandRunner(shop, wall)


@pytest.fixture
def command(running: CommandRunner) -> Iterator[CommandRunner]:
    running.shop.gateway.reset()
    running.shop.sql("DELETE FROM vton_gatewaystate")
    yield running
    running.wall.rule = lambda _method, _path, _headers: None


def stop_at(part: str, answer: Answer, *, only: str = "") -> Any:
    """A rule that answers requests whose path contains `part`, or only those of one user agent."""

    def rule(_method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
        is_stopped = part in path and only in headers.get("User-Agent", "")
        return answer if is_stopped else None

    return rule


def test_the_free_steps_succeed_and_tell_the_price(command: CommandRunner) -> None:
    code, printed = command.run()
    assert code == 0, printed
    names = re.findall(r"^ok +(\w+):", printed, re.MULTILINE)
    assert names == list(FREE_STEPS), printed
    assert "ok     budget: the try-on costs 0.075 USD" in printed
    assert "Nothing was sent that costs money." in printed
    assert (command.submits(), command.states()) == (0, [])


def test_a_real_try_on_proves_each_step(command: CommandRunner) -> None:
    code, printed = command.run("--spend")
    assert code == 0, printed
    names = list(dict.fromkeys(re.findall(r"^ok +(\w+):", printed, re.MULTILINE)))
    assert names == list(STEPS), printed
    vendor_id = command.shop.gateway.ledger.entries[-1].request_id
    for pattern in (
        rf"submit: accepted after \d+\.\d s as {vendor_id}\.",
        r"links: the photo was loaded after \d+\.\d s by 127\.0\.0\.1\.",
        r"links: the product was loaded after \d+\.\d s by 127\.0\.0\.1\.",
        r"render: finished after \d+\.\d s\.",
        r"pictures: stored: [\d,]+ bytes, \d+ x \d+ pixels, image/png\.",
        r"charge: 0\.075 USD is charged\.",
        r"callback: came after \d+\.\d s\.",
        rf"{ENGINE} works",
    ):
        assert re.search(pattern, printed), (pattern, printed)
    assert (command.submits(), command.states()[-1]) == (1, "completed")
    assert command.shop.sql("SELECT count(*) FROM vton_tryonrequest WHERE shared_key IS NOT NULL") == [(0,)]
    try_on = re.findall(r"vton_transcript (\S+) prints", printed)[0]
    transcript = command.shop.manage("vton_transcript", try_on)
    assert str(vendor_id) in transcript
    assert "COMPLETED" in transcript


@contextmanager
def poll_when(
    command: CommandRunner, condition: Callable[[], bool], *, after: timedelta | None = None
) -> Iterator[None]:
    """Have the workers poll as soon as the condition is true; with `after`, as if the submit were so old."""

    def make_due() -> None:
        wait_until(condition, "the condition of the next poll")
        if after is not None:
            seconds = f"-{after.total_seconds():.0f} seconds"
            command.shop.sql(
                f"UPDATE vton_attempt SET posted_at = datetime(posted_at, '{seconds}')"  # noqa: S608 - a test's
            )
        command.shop.sql("UPDATE vton_tryonrequest SET due_at = datetime('now') WHERE state = 'submitted'")

    thread = threading.Thread(target=make_due)
    thread.start()
    try:
        yield
    finally:
        thread.join()


# The ten broken set-ups -----------------------------------------------------------------------------


def test_a_wrong_key(command: CommandRunner) -> None:
    code, printed = command.run("--spend", "--json", VTON_PIXAZO_API_KEY="wrong")
    steps = json.loads(printed)
    assert code == 1
    assert [step["name"] for step in steps] == ["settings", "dns", "tls", "latency", "key"]
    assert [step["ok"] for step in steps] == [True, True, True, True, False]
    assert "Copy the key from Pixazo's panel into VTON['PIXAZO_API_KEY']" in steps[-1]["text"]
    assert command.submits() == 0


def test_an_empty_wallet(command: CommandRunner) -> None:
    command.shop.gateway.scenario(submit_status=402)
    code, printed = command.run("--spend")
    assert code == 1
    assert printed.endswith("To mend: submit. Top up the wallet in Pixazo's panel.\n"), printed
    assert "the wallet is empty (402)" in printed
    assert "The try-on was canceled, and nothing is charged" in printed
    assert command.states()[-1] == "canceled"
    assert command.shop.gateway.ledger.totals["amount"] == 0


def test_a_wall_before_the_files(command: CommandRunner) -> None:
    command.wall.rule = stop_at("/files/", Answer(403, headers={"Server": "cloudflare"}))
    code, printed = command.run("--spend")
    assert code == 1
    assert "a bot challenge refuses the request (HTTP 403 from cloudflare)" in printed
    where = f"{command.wall.url}/try-on/files/..."
    assert printed.splitlines()[-1].startswith(f"To mend: files. Let requests to {where} pass"), printed
    assert command.submits() == 0


def test_a_wall_before_the_files_that_stops_only_the_vendor(command: CommandRunner) -> None:
    command.wall.rule = stop_at("/files/", Answer(403), only=VENDOR)
    mend = command.diagnose("--spend")
    assert mend.startswith(f"To mend: links. Something before {command.wall.url} lets this host pass"), mend
    assert command.submits() == 1


def test_a_wall_before_the_callbacks(command: CommandRunner) -> None:
    command.wall.rule = stop_at("/webhooks/", Answer(403))
    mend = command.diagnose("--spend")
    assert mend.startswith(
        f"To mend: webhooks. Let requests to {command.wall.url}/try-on/webhooks/pixazo/... pass"
    ), mend
    assert mend.endswith("Or set VTON['WEBHOOKS'] to False.")
    assert command.submits() == 0


def test_a_wall_before_the_callbacks_that_stops_only_the_vendor(command: CommandRunner) -> None:
    command.wall.rule = stop_at("/webhooks/", Answer(403), only=VENDOR)
    with poll_when(command, lambda: command.shop.gateway.ledger.totals["callbacks_sent"] >= 3):
        mend = command.diagnose("--spend")
    assert mend.startswith("To mend: callback. Look in the log of the firewall"), mend
    assert command.states()[-1] == "completed"


def test_http_instead_of_https(command: CommandRunner) -> None:
    env = {"VTON_PIXAZO_BASE_URL": FOREIGN, "VTON_PUBLIC_BASE_URL": "http://shop.example"}
    assert command.diagnose(**env) == "To mend: settings. Set it to https://shop.example."
    location = command.wall.url.replace("http:", "https:")

    def redirect(_method: str, path: str, _headers: Mapping[str, str]) -> Answer:
        return Answer(301, headers={"Location": location + path})

    command.wall.rule = redirect
    mend = command.diagnose("--spend")
    assert mend.startswith(f"To mend: files. Set VTON['PUBLIC_BASE_URL'] to {location}, since"), mend
    assert command.submits() == 0


def test_a_wrong_prefix(command: CommandRunner) -> None:
    mend = command.diagnose("--spend", VTON_PUBLIC_BASE_URL=f"{command.wall.url}/shop")
    assert mend == f"To mend: files. Set VTON['PUBLIC_BASE_URL'] to {command.wall.url}."
    assert command.submits() == 0


def test_a_clock_that_is_wrong_by_ten_minutes(command: CommandRunner, tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("600")
    settings = "tests.deployments.settings_clock"
    env = {"DJANGO_SETTINGS_MODULE": settings, "HOST_CLOCK": str(tmp_path / "clock")}
    code, printed = command.run("--spend", **env)
    assert code == 1
    found = re.search(r"FAILED clock: this host's clock is (\d+) s ahead of the gateway's", printed)
    assert found, printed
    assert abs(int(found[1]) - 600) <= 2
    assert printed.splitlines()[-1].startswith("To mend: clock. Set the clock of this host")
    assert command.submits() == 0


def test_a_private_address(command: CommandRunner) -> None:
    env = {"VTON_PIXAZO_BASE_URL": FOREIGN, "VTON_PUBLIC_BASE_URL": "https://10.0.0.5"}
    mend = command.diagnose("--spend", **env)
    assert mend == "To mend: settings. Set it to the URL at which the shop is reached from the internet."
    assert command.submits() == 0


def test_a_slow_vendor(command: CommandRunner) -> None:
    """The render is not ready before the deadline. Instead of waiting for it, its submit is made older."""
    command.shop.gateway.scenario(outcome="PROCESSING")
    with poll_when(command, lambda: "submitted" in command.states(), after=timedelta(minutes=16)):
        mend = command.diagnose("--spend")
    assert mend.startswith("To mend: render. Report it to Pixazo, or raise VTON['DEADLINE']"), mend
    assert command.states()[-1] == "failed"


def test_an_answer_to_the_submit_that_does_not_come(command: CommandRunner) -> None:
    command.shop.gateway.scenario(submit="close", callbacks=0)
    code, printed = command.run("--spend")
    assert code == 1
    assert "FAILED submit: the gateway was too slow or hung up: " in printed, printed
    assert printed.splitlines()[-1].startswith("To mend: submit. Find the render in Pixazo's panel")


def test_no_worker(command: CommandRunner) -> None:
    command.shop.stop("workers")
    try:
        command.shop.sql(
            "UPDATE vton_dispatcherlease"
            " SET seen_at = '2026-01-01 00:00:00', lease_until = '2026-01-01 00:00:00'"
        )
        mend = command.diagnose("--spend")
    finally:
        command.shop.start_workers()
    assert mend == "To mend: workers. Start manage.py qcluster, and check its log."
    assert command.submits() == 0


# In this process, since the network is made up ------------------------------------------------------


def diagnose_here(*args: str) -> str:
    """Run the command in this process. Return the last line."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("vton_doctor", "--live", ENGINE, *args, stdout=out)
    assert end.value.code == 1
    return out.getvalue().splitlines()[-1]


@pytest.mark.django_db
def test_a_name_with_a_private_address(network: Network, vton: Vton) -> None:
    vton(PIXAZO_API_KEY="k", PIXAZO_BASE_URL="https://gateway.test", PUBLIC_BASE_URL="https://shop.test")
    network.names |= {"gateway.test": [[PUBLIC]], "shop.test": [["10.0.0.5"]]}
    mend = diagnose_here()
    assert mend.startswith("To mend: dns. Give the name a public address."), mend
    assert "To mend: tls. Let this host and the workers connect to it" in diagnose_here("--split-dns")


@pytest.mark.django_db
def test_a_name_that_does_not_exist(network: Network, vton: Vton) -> None:
    vton(PIXAZO_API_KEY="k", PIXAZO_BASE_URL="https://gateway.test", PUBLIC_BASE_URL="https://shop.test")
    network.names["gateway.test"] = [[PUBLIC]]
    assert diagnose_here().startswith("To mend: dns. Check VTON['PUBLIC_BASE_URL'], the name's DNS records")


def test_a_gateway_that_does_not_answer_is_too_slow() -> None:
    contact = Contact(engine=Fashn())
    contact.gateway_probe = Probe(failed="response", error="nothing came within 10 s")
    finding = check_latency(contact)
    assert (finding.is_problem, finding.remedy.split(":")[0]) == (True, "The gateway is too slow or down")
    contact.gateway_probe = Probe(connect_seconds=0.1, response_seconds=4.0)
    assert check_latency(contact).is_warning


PASS = "Let requests to https://shop.test/try-on/files/... pass without a login"


@pytest.mark.parametrize(
    ("probe", "cause", "remedy"),
    [
        (Probe(status=401), "a password is asked for (HTTP 401)", PASS),
        (Probe(status=200), "such as a login or a challenge (HTTP 200)", PASS),
        (
            Probe(status=302, headers={"Location": "/login/?next=/a"}),
            "is redirected to https://shop.test/login/ (HTTP 302)",
            PASS,
        ),
        (Probe(status=502, headers={"Server": "nginx"}), "error", "Check that the web processes run"),
        (Probe(status=400), "unknown host", "Add 'shop.test' to ALLOWED_HOSTS"),
        (Probe(status=404, headers={PROOF_HEADER: "x"}), "another shop", "Set VTON['PUBLIC_BASE_URL']"),
        (Probe(status=404, body=b'{"code": "not_found"}'), "an older version", "Restart the web processes"),
        (Probe(failed="response", error="ReadError"), "no response", "Check that the web server is running"),
    ],
    ids=["password", "challenge", "login", "no shop", "host", "other shop", "old", "cut"],
)
def test_what_answers_instead_of_the_shop_is_named(vton: Vton, probe: Probe, cause: str, remedy: str) -> None:
    vton(PIXAZO_API_KEY="k", PIXAZO_BASE_URL="https://gateway.test", PUBLIC_BASE_URL="https://shop.test")
    contact = Contact(engine=Fashn())
    contact.files_probe = probe
    finding = check_files(contact)
    assert finding.is_problem
    assert cause in finding.text
    assert finding.remedy.startswith(remedy)
    assert contact.token not in finding.text + finding.remedy


@pytest.mark.parametrize(
    ("probe", "cause", "remedy"),
    [
        (Probe(failed="connection", error="ConnectTimeout"), "no connection to", "Let this host"),
        (Probe(failed="tls", error="certificate has expired"), "has expired", "Renew the certificate"),
        (
            Probe(failed="tls", error="unable to get local issuer certificate"),
            "issuer",
            "Have the server send",
        ),
        (
            Probe(failed="tls", error="Hostname mismatch, certificate is not valid for 'gateway.test'."),
            "not valid for 'gateway.test'",
            "Use a certificate that contains this host's name.",
        ),
        (Probe(status=401, certificate_ends=SOON), "1 more day", "Check that the certificate is renewed"),
    ],
    ids=["refused", "expired", "chain", "name", "soon"],
)
def test_what_is_wrong_with_a_connection_is_named(vton: Vton, probe: Probe, cause: str, remedy: str) -> None:
    vton(PIXAZO_API_KEY="k", PIXAZO_BASE_URL="https://gateway.test", PUBLIC_BASE_URL="https://shop.test")
    contact = Contact(engine=Fashn())
    contact.gateway_probe, contact.files_probe = probe, Probe(status=404)
    finding = check_tls(contact)
    assert cause in finding.text
    assert finding.remedy.startswith(remedy)
    assert finding.is_warning == (probe.failed is None)


def test_arguments_that_are_wrong() -> None:
    with pytest.raises(CommandError, match="one of these engines: fashn") as wrong:
        call_command("vton_doctor", "--live", "fashn")
    assert wrong.value.returncode == 2
    with pytest.raises(CommandError, match="--spend needs --live"):
        call_command("vton_doctor", "--spend")
