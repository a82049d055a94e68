from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from django_vton.house_models import add
from django_vton.models import PauseSwitch, PersonPhoto, TryOnRequest
from django_vton.models.states import State

from ..lifecycle.test_processes import worker_environment
from ..live_shop import MANAGE, wait_until
from ..provenance import is_marked
from ..tryons import product_ref

if TYPE_CHECKING:
    from ..conftest import PhotoMaker, Vton
    from ..lifecycle.harness import Harness

PRICE = 300_000


def render(*args: object) -> str:
    out = io.StringIO()
    call_command("vton_render", *map(str, args), stdout=out, stderr=out)
    return out.getvalue()


def start_process(harness: Harness, *args: object) -> subprocess.Popen[str]:
    """Run the command in its own process."""
    command = [sys.executable, "-u", str(MANAGE), "vton_render", *map(str, args)]
    return subprocess.Popen(
        command, env=worker_environment(harness), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_render_on_a_house_model_is_saved_to_a_file(
    harness: Harness, noa: PersonPhoto, tmp_path: Path
) -> None:
    for name in ("out.png", "out.jpg"):
        output = render(product_ref(harness.product), "Noa", "-o", tmp_path / name)
        assert "0.30 USD" in output
        with Image.open(tmp_path / name) as image:
            assert image.format == {"out.png": "PNG", "out.jpg": "JPEG"}[name]
    assert "nothing is paid again" in output
    assert harness.charged() == harness.spent() == PRICE
    assert TryOnRequest.objects.get().shared_key is not None
    assert noa.pk


def test_the_file_has_the_visible_mark_and_a_manifest_about_the_stored_image(
    harness: Harness,
    noa: PersonPhoto,
    tmp_path: Path,
    vton: Vton,
) -> None:
    credentials = pytest.importorskip("tests.content_credentials", exc_type=ImportError)
    vton(**credentials.create_certificate(tmp_path))
    render(product_ref(harness.product), noa.pk, "-o", tmp_path / "out.jpg", "--option", "output_format=jpeg")
    copy, image = (tmp_path / "out.jpg").read_bytes(), TryOnRequest.objects.get().images.get()
    with image.file.open("rb") as stored:
        original = stored.read()
    assert is_marked(copy, original)
    ours, parent = credentials.read_manifests(copy, "image/jpeg")
    assert ours["ingredients"][0]["relationship"] == "parentOf"
    assert [parent] == credentials.read_manifests(original, image.content_type)


def test_a_photo_from_a_file_is_stored_like_a_shoppers_photo(
    harness: Harness,
    phone_photo: PhotoMaker,
    tmp_path: Path,
) -> None:
    (tmp_path / "me.jpg").write_bytes(phone_photo())
    for _ in range(2):
        output = render(product_ref(harness.product), tmp_path / "me.jpg", "-o", tmp_path / "out.png")
    assert "nothing is paid again" in output
    assert harness.charged() == PRICE
    photo = PersonPhoto.objects.get()
    assert (photo.is_house, photo.is_reusable, photo.shopper) == (False, False, None)
    assert photo.expires_at is not None
    row = TryOnRequest.objects.get()
    assert row.shared_key is None
    assert not row.shows_house_model


def test_invalid_arguments_are_reported_before_anything_is_paid(
    harness: Harness,
    noa: PersonPhoto,  # noqa: ARG001 - creates the house model
    phone_photo: PhotoMaker,
    tmp_path: Path,
) -> None:
    product, out = product_ref(harness.product), tmp_path / "out.png"
    with pytest.raises(CommandError, match="Available: Noa"):
        render(product, "Nobody", "-o", out)
    with pytest.raises(CommandError, match="couldn't find"):
        render("shop.product:0", "Noa", "-o", out)
    with pytest.raises(CommandError, match=r"out\.txt"):
        render(product, "Noa", "-o", tmp_path / "out.txt")
    with pytest.raises(CommandError, match="num"):
        render(product, "Noa", "-o", out, "--option", "num=2")
    (tmp_path / "no.jpg").write_text("a text")
    with pytest.raises(CommandError, match="JPEG, PNG"):
        render(product, tmp_path / "no.jpg", "-o", out)
    add(name="Tom", file=io.BytesIO(phone_photo(shade=52)), suits=["garment"])
    with pytest.raises(CommandError, match="does not suit"):
        render(product, "Tom", "-o", out)
    PauseSwitch.objects.create(is_paused=True)
    with pytest.raises(CommandError, match="paused"):
        render(product, "Noa", "-o", out)
    assert not TryOnRequest.objects.exists()
    assert not out.exists()


def test_a_failed_render_exits_with_an_error(harness: Harness, noa: PersonPhoto, tmp_path: Path) -> None:
    harness.gateway.scenario(outcome="FAILED")
    with pytest.raises(CommandError) as failed:
        render(product_ref(harness.product), noa.pk, "-o", tmp_path / "out.png")
    assert failed.value.returncode == 1
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_render_is_not_paid_again(
    harness: Harness,
    noa: PersonPhoto,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    # A shell ignores SIGINT for tests that run in its background, and the child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    harness.gateway.scenario(submit_seconds=1)
    args = [product_ref(harness.product), noa.name, "-o", tmp_path / "out.png"]
    process = start_process(harness, *args)
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"], timeout=30)
    os.kill(process.pid, number)
    _out, err = process.communicate(timeout=30)
    if number == signal.SIGINT:
        assert process.returncode == 130, err
        assert "the same command" in err
    else:
        assert process.returncode == -signal.SIGTERM
    assert TryOnRequest.objects.get().state == State.SUBMITTED
    again = start_process(harness, *args)
    assert again.wait(60) == 0
    again.communicate()
    assert (tmp_path / "out.png").exists()
    assert harness.post_count() == 1


def test_it_waits_for_a_worker_that_holds_the_lease(
    harness: Harness, noa: PersonPhoto, tmp_path: Path
) -> None:
    """While `vton_worker` holds the only lease, the command waits, and saves what the worker rendered."""
    worker = subprocess.Popen([sys.executable, str(MANAGE), "vton_worker"], env=worker_environment(harness))
    try:
        from django_vton.models import DispatcherLease

        wait_until(lambda: DispatcherLease.objects.exclude(token="").exists(), "the worker holds its lease")
        render(product_ref(harness.product), noa.name, "-o", tmp_path / "out.png")
    finally:
        worker.kill()
        worker.wait()
    assert (tmp_path / "out.png").exists()
    assert harness.post_count() == 1
