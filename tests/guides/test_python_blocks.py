"""The Python code of the guides runs."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.conf import global_settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.test import RequestFactory, override_settings
from django.utils.module_loading import import_string

from django_vton import kinds, products, signals
from django_vton.checks.settings import registration_errors
from django_vton.products import describe
from tests.guides import code_blocks, validators
from tests.live_shop import wait_until
from tests.tryons import post_tryon

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

QUICKSTART = "quickstart"
"""Has its own test, which runs the whole page."""

PAGES_WITH_PYTHON = sorted(
    {it.page for it in code_blocks.CODE if it.language == "python" and not validators.is_quoted(it)}
    - {QUICKSTART}
)


@pytest.fixture
def variables(
    shirt: Product, phone_photo: PhotoMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The variables that the code of the guides uses."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noa.jpg").write_bytes(phone_photo())
    request = RequestFactory().get("/")
    user = get_user_model().objects.create_superuser("staff", "staff@shop.example", "tests")
    return {"product": shirt, "request": request, "user": user}


@pytest.fixture
def run_page(variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Run the Python blocks of a page in order: settings are checked, files become modules."""
    monkeypatch.setattr(products, "_registry", {})
    monkeypatch.setattr(products, "registration_problems", [])
    monkeypatch.setattr(kinds, "KINDS", dict(kinds.KINDS))
    receivers = [(it, list(it.receivers)) for it in vars(signals).values() if hasattr(it, "receivers")]

    def run_page(page: str) -> None:
        for block in code_blocks.blocks_of_page(page, "python"):
            code = compile(block.code, str(block), "exec")
            if block.file == "settings.py":
                check_settings(code)
            elif block.file.startswith("shop/"):
                create_module(block, monkeypatch)
            elif not validators.is_quoted(block):
                assert not block.file, f"no test creates {block.file}"
                if "@register(" in block.code:
                    products._registry.clear()
                exec(code, variables)  # noqa: S102 - our own code

    yield run_page
    for signal, before in receivers:
        signal.receivers[:] = before
        signal.sender_receivers_cache.clear()


def create_module(block: code_blocks.Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the file of a block importable until the test ends."""
    module = types.ModuleType(block.file.removesuffix(".py").replace("/", "."))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    # Celery still has the task of the same name from another test.
    current_app.tasks.pop(f"{module.__name__}.call", None)
    exec(compile(block.code, str(block), "exec"), vars(module))  # noqa: S102 - our own code


def check_settings(code: types.CodeType) -> None:
    """Every setting of the page exists, and the system checks accept them."""
    there: dict[str, Any] = {"BASE_DIR": code_blocks.ROOT, "DATABASES": {"default": {}}}
    namespace = dict(there)
    exec(code, namespace)  # noqa: S102 - our own code
    changes = {name: value for name, value in namespace.items() if name.isupper() and name not in there}
    assert changes
    known = {*dir(global_settings), "VTON", "Q_CLUSTER", "CELERY_BEAT_SCHEDULE", "TASKS"}
    known |= {"REST_FRAMEWORK", "SPECTACULAR_SETTINGS", "CORS_ALLOWED_ORIGINS", "CORS_ALLOW_CREDENTIALS"}
    known |= {"CORS_ALLOW_HEADERS", "CORS_EXPOSE_HEADERS"}
    assert set(changes) <= known
    with override_settings(**changes, ALLOWED_HOSTS=["*"]):
        # W003: pages about other topics set no budget. W005: the page about engines names unverified ones.
        # E011: the page about marks names files that a shop has.
        expected = {"vton.W003", "vton.W005", "vton.E011"}
        assert [it for it in checks.run_checks(tags=["vton"]) if it.id not in expected] == []
    for entry in changes.get("CELERY_BEAT_SCHEDULE", {}).values():
        assert entry["task"] in current_app.tasks
        assert all(callable(import_string(path)) for path in entry["args"])


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES_WITH_PYTHON)
def test_the_python_code_of_a_page_runs(
    page: str, run_page: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "PIXAZO_API_KEY", "key")
    run_page(page)
    assert registration_errors() == []


@pytest.mark.django_db
def test_the_product_that_the_guide_registers_can_be_tried_on(
    run_page: Callable[[str], None], shirt: Product
) -> None:
    run_page("products")
    described = describe(shirt)
    assert described is not None
    assert (described.title, described.clean_shopper_options({})) == ("Shirt", {"category": "top"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("default")  # Celery has warnings of its own.
def test_celery_renders_with_the_code_of_the_guide(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    gateway: Gateway,
    live_server: LiveServer,
    vton: Vton,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Uses a real Celery worker, in a thread."""
    (block,) = [it for it in code_blocks.blocks_of_page("queues", "python") if it.file == "shop/queues.py"]
    create_module(block, monkeypatch)
    current_app.conf.update(
        broker_url="memory://", result_backend="cache+memory://", worker_hijack_root_logger=False
    )
    vton(ENQUEUE="shop.queues.celery", PUBLIC_BASE_URL=live_server.url)

    with start_worker(current_app, pool="solo", perform_ping_check=False):
        response = post_tryon(guest, shirt, phone_photo())
        wait_until(
            lambda: guest.get(response["Location"]).json()["status"] == "completed", "rendered by Celery"
        )
    assert gateway.ledger.totals["amount"] == 75_000
