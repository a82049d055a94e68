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
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from PIL import Image

from django_vton import batches, tasks
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


def change_picture(product: Product) -> None:
    """Save another picture of the product, and check it as the worker does each minute."""
    out = io.BytesIO()
    Image.new("RGB", (320, 320), "gold").save(out, "PNG")
    product.photo.save("changed.png", ContentFile(out.getvalue()))
    tasks.check_saved_products()


def test_a_nightly_run_renders_missing_and_outdated_products_and_then_nothing(runner: BatchRunner) -> None:
    changed, same, _new = runner.create_products(3)
    runner.run(runner.start([changed, same]))
    tasks.check_products()
    change_picture(changed)
    nightly = ("--all", "shop.Product", "--filter", "slug__startswith=no-", "--on", "Noa", "--yes")

    assert "1 renders, 0 of them exist" in run(*nightly, "--missing", "--dry-run")
    assert "1 renders, 0 of them exist" in run(*nightly, "--outdated", "--dry-run")
    assert "2 renders, 0 of them exist: 0.60 USD" in run(*nightly, "--missing", "--outdated")
    assert runner.harness.charged() == 4 * PRICE

    number = Batch.objects.count()
    for flags in (["--missing"], ["--outdated"], ["--missing", "--outdated"]):
        assert run(*nightly, *flags) == "There is nothing to render.\n"
    assert Batch.objects.count() == number
    with pytest.raises(CommandError, match="Nothing to render"):
        run("--missing", "--on", "Noa")


def test_a_nightly_run_leaves_out_products_whose_picture_cannot_be_used(runner: BatchRunner) -> None:
    (product,) = runner.create_products(1)
    product.photo.save("broken.png", ContentFile(b"GIF"))
    nightly = (
        "--all",
        "shop.Product",
        "--filter",
        "slug__startswith=no-",
        "--missing",
        "--on",
        "Noa",
        "--dry-run",
    )
    assert "1 renders" in run(*nightly), "it was not checked yet"
    tasks.check_saved_products()
    assert run(*nightly) == "There is nothing to render.\n"


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
    canceled = runner.start(1)
    batches.cancel(canceled)
    with pytest.raises(CommandError, match="no batch"):
        run("--resume", canceled.pk)


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
