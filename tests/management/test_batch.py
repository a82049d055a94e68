from __future__ import annotations

import io
import os
import pty
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

from ..lifecycle.test_processes import worker_environment
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


def worker_output(*args: str, verbosity: int = 1) -> list[str]:
    """Run `vton_worker`, and return its lines."""
    out = io.StringIO()
    call_command("vton_worker", *args, stdout=out, verbosity=verbosity)
    return out.getvalue().splitlines()


def run_on_terminal(runner: BatchRunner, *args: object, answer: str = "") -> tuple[int, str]:
    """Run the command on a pseudo-terminal and answer its question. Return its exit code and output."""
    terminal, child_end = pty.openpty()
    command = [sys.executable, str(MANAGE), *map(str, args)]
    process = subprocess.Popen(
        command, env=worker_environment(runner.harness), stdin=child_end, stdout=child_end, stderr=child_end
    )
    os.close(child_end)
    output = b""
    with suppress(OSError):  # Linux raises this when the child has closed the terminal.
        while select.select([terminal], [], [], 60)[0] and (data := os.read(terminal, 4096)):
            output += data
            if answer and b"[y/N]" in output:
                os.write(terminal, answer.encode())
                answer = ""
    os.close(terminal)
    return process.wait(60), output.decode()


def test_a_dry_run_prints_the_price_and_stores_nothing(runner: BatchRunner, mia: PersonPhoto) -> None:
    products = runner.create_products(2)
    output = run("--product", *map(product_ref, products), "--on", "Noa", mia.pk, "--dry-run")
    assert "4 renders, 0 of them exist: 1.20 USD" in output
    assert not Batch.objects.exists()


def test_all_products_of_a_model_are_rendered(runner: BatchRunner) -> None:
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
    output = run("--all", "shop.Product", "--filter", "kind=eyewear", "--missing", "--on", "Noa", "--yes")
    assert "1 renders, 0 of them exist: 0.30 USD" in output
    assert "1/1, 0.30 USD spent" in output
    with pytest.raises(CommandError, match="Nothing to render"):
        run("--all", "shop.Product", "--filter", "kind=eyewear", "--missing", "--on", "Noa", "--yes")


def test_invalid_arguments_are_reported(runner: BatchRunner) -> None:
    product = product_ref(runner.create_products(1)[0])
    cases: list[tuple[list[object], str]] = [
        (["--product", product], "Nothing to render"),
        (["--product", product, "--on", "Nobody"], "Nobody"),
        (["--all", "auth.User", "--on", "Noa"], "auth.User"),
        (["--all", "nothing", "--on", "Noa"], "nothing"),
        (["--all", "shop.Product", "--filter", "color=red", "--on", "Noa"], "color"),
        (["--product", product, "--on", "Noa", "--option", "x=1"], "x=1"),
        (["--product", product, "--on", "Noa"], "--yes"),
        (["--resume", 12], "no batch 12"),
    ]
    for args, message in cases:
        with pytest.raises(CommandError, match=message):
            run(*args)
    assert not Batch.objects.exists()


def test_a_paused_batch_is_resumed(runner: BatchRunner) -> None:
    batch = runner.start(2)
    batches.pause(batch)
    assert "2/2" in run("--resume", batch.pk)
    batches.cancel(batch)
    with pytest.raises(CommandError, match="no batch"):
        run("--resume", batch.pk)


def test_it_asks_for_confirmation_and_prints_progress_lines(runner: BatchRunner) -> None:
    args = ["vton_batch", "--product", *map(product_ref, runner.create_products(6)), "--on", "Noa"]
    code, output = run_on_terminal(runner, *args, answer="n\n")
    assert (code, Batch.objects.count()) == (0, 0), output
    code, output = run_on_terminal(runner, *args, answer="y\n")
    assert code == 0, output
    assert "0/6" in output
    assert "6/6, 1.80 USD spent" in output
    assert runner.check(Batch.objects.get()).completed == 6


def test_the_worker_prints_results_once_only_if_verbose(runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(2)
    assert sorted(line.partition(": ")[2] for line in worker_output("--once", verbosity=2)) == [
        "completed",
        "failed (vendor)",
    ]
    assert runner.check(batch).is_finished
    runner.start(1)
    assert worker_output("--once") == [], "cron mails all output"


def test_an_interrupted_batch_can_be_resumed(runner: BatchRunner) -> None:
    # A shell ignores SIGINT for tests that run in its background, and the child would inherit that.
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
        command,
        env=worker_environment(runner.harness),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
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
