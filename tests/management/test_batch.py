from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from django_vton import batches
from django_vton.models import Batch, TryOnRequest
from shop.models import Kind, Product

from ..batches.conftest import mia, noa, runner  # noqa: F401 - fixtures
from ..lifecycle.conftest import _files, gateway, harness  # noqa: F401 - fixtures
from ..lifecycle.test_processes import environment
from ..live_shop import MANAGE
from ..tryons import make_product, product_ref

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from ..batches.runner import BatchRunner

PRICE = 300_000


def run(*args: object) -> str:
    out = io.StringIO()
    call_command("vton_batch", *map(str, args), stdout=out, stderr=out)
    return out.getvalue()


def on_a_terminal(runner: BatchRunner, *args: object, answer: str = "") -> tuple[int, str]:  # noqa: F811 - the fixture
    """The command on a terminal, where somebody answers its question; its end, and all that was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(MANAGE), *map(str, args)]
    process = subprocess.Popen(
        command, env=environment(runner.harness), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # Linux says so at the end of a terminal.
        while select.select([ours], [], [], 60)[0] and (data := os.read(ours, 4096)):
            shown += data
            if answer and b"[y/N]" in shown:
                os.write(ours, answer.encode())
                answer = ""
    os.close(ours)
    return process.wait(60), shown.decode()


def test_a_dry_run_says_the_price_and_leaves_nothing(runner: BatchRunner, mia: PersonPhoto) -> None:  # noqa: F811 - fixtures
    products = runner.create_products(2)
    said = run("--product", *map(product_ref, products), "--on", "Noa", mia.pk, "--dry-run")
    assert "4 renders, 0 of them there already: 1.20 USD" in said
    assert not Batch.objects.exists()


def test_products_of_a_model_are_rendered(runner: BatchRunner) -> None:  # noqa: F811 - the fixture
    runner.create_products(2)
    Product.objects.exclude(name__startswith="No.").delete()
    make_product("bag", Kind.ACCESSORY)
    with pytest.raises(CommandError, match=r"(?s)1 renders are not completed.*no picture") as failed:
        run("--all", "shop.Product", "--on", "Noa", "--yes", "--name", "Autumn")
    assert failed.value.returncode == 1
    batch = Batch.objects.get()
    done = runner.check(batch)
    assert (batch.name, done.completed, done.refused, done.spent) == ("Autumn", 2, 1, 2 * PRICE)
    runner.create_products(1)
    said = run("--all", "shop.Product", "--filter", "kind=eyewear", "--missing", "--on", "Noa", "--yes")
    assert "1 renders, 0 of them there already: 0.30 USD" in said
    assert "1/1, 0.30 USD spent" in said
    with pytest.raises(CommandError, match="Nothing is left"):
        run("--all", "shop.Product", "--filter", "kind=eyewear", "--missing", "--on", "Noa", "--yes")


def test_what_makes_no_sense_is_said(runner: BatchRunner) -> None:  # noqa: F811 - the fixture
    product = product_ref(runner.create_products(1)[0])
    cases: list[tuple[list[object], str]] = [
        (["--product", product], "Nothing is left"),
        (["--product", product, "--on", "Nobody"], "Nobody"),
        (["--all", "auth.User", "--on", "Noa"], "auth.User"),
        (["--all", "nothing", "--on", "Noa"], "nothing"),
        (["--all", "shop.Product", "--filter", "colour=red", "--on", "Noa"], "colour"),
        (["--product", product, "--on", "Noa", "--option", "x=1"], "x=1"),
        (["--product", product, "--on", "Noa"], "--yes"),
        (["--resume", 12], "no batch 12"),
    ]
    for args, words in cases:
        with pytest.raises(CommandError, match=words):
            run(*args)
    assert not Batch.objects.exists()


def test_a_batch_that_was_paused_is_gone_on_with(runner: BatchRunner) -> None:  # noqa: F811 - the fixture
    batch = runner.start(2)
    batches.pause(batch)
    assert "2/2" in run("--resume", batch.pk)
    batches.cancel(batch)
    with pytest.raises(CommandError, match="no batch"):
        run("--resume", batch.pk)


def test_on_a_terminal_it_asks_and_shows_how_far_it_is(runner: BatchRunner) -> None:  # noqa: F811 - the fixture
    args = ["vton_batch", "--product", *map(product_ref, runner.create_products(6)), "--on", "Noa"]
    code, shown = on_a_terminal(runner, *args, answer="n\n")
    assert (code, Batch.objects.count()) == (0, 0), shown
    code, shown = on_a_terminal(runner, *args, answer="y\n")
    assert code == 0, shown
    assert re.search(r"\r\[\.+\] 0/6", shown)
    assert "[##############################] 6/6, 1.80 USD spent" in shown
    assert runner.check(Batch.objects.get()).completed == 6


def test_the_pump_shows_how_far_all_is_on_a_terminal_alone(runner: BatchRunner) -> None:  # noqa: F811 - the fixture
    runner.start(6)
    code, shown = on_a_terminal(runner, "vton_worker", "--once")
    assert code == 0, shown
    assert "] 6/6, 0 running, 0 waiting" in shown
    out = io.StringIO()
    runner.start(1)
    call_command("vton_worker", "--once", stdout=out)
    assert out.getvalue() == ""


def test_an_interrupted_call_leaves_the_batch_to_go_on(runner: BatchRunner) -> None:  # noqa: F811 - the fixture
    # Where the tests run in the background of a shell it is ignored, and so it would be in the child.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runner.harness.gateway.scenario(submit_seconds=0.5, times=None)
    products = map(product_ref, runner.create_products(12))
    command = [
        sys.executable,
        "-u",
        str(MANAGE),
        "vton_batch",
        "--yes",
        "--on",
        "Noa",
        "--product",
        *products,
    ]
    process = subprocess.Popen(
        command, env=environment(runner.harness), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert runner.harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"] >= 2, timeout=30)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=30)
    batch = Batch.objects.get()
    assert process.returncode == 130, err
    assert f"--resume {batch.pk}" in err
    assert not TryOnRequest.objects.filter(state="submitting").exists()
    assert "12/12" in run("--resume", batch.pk)
    assert runner.check(batch).spent == runner.harness.charged() == 12 * PRICE
