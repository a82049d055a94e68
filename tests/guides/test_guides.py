"""Every block of code in the docs runs, or is read by a parser of its language: none is passed over."""

from __future__ import annotations

import ast
import os
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.conf import global_settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.dispatch import Signal
from django.test import RequestFactory, override_settings
from django.utils.module_loading import import_string

from django_vton import products, signals
from django_vton.products import describe
from docs import generate
from tests.doors import ask
from tests.guides import blocks, readers
from tests.running import until

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

QUICKSTART = "quickstart"
"""Its own test runs it, from the first line to the last."""

WITH_PYTHON = sorted(
    {block.page for block in blocks.CODE if block.language == "python" and not readers.is_shown(block)}
    - {QUICKSTART}
)


@pytest.mark.parametrize("block", blocks.CODE, ids=str)
def test_each_block_is_shown_from_a_tested_file_or_read(block: blocks.Block) -> None:
    if not readers.is_shown(block):
        assert block.language in readers.READERS, f"nothing looks at {block.language or 'no language'}"
        readers.READERS[block.language](block.code)


def test_no_block_hides_from_these_tests() -> None:
    """Neither one that is indented, nor one in a page of a further folder."""
    assert len(blocks.CODE) > 60
    for page, text in blocks.PAGES.items():
        fences = sum(line.lstrip().startswith(("```", "~~~")) for line in text.splitlines())
        assert fences == 2 * len(blocks.of(page, text)), page
    assert sorted(blocks.DOCS.glob("*.md")) == sorted(
        path for path in blocks.DOCS.rglob("*.md") if not {"_build", "reference"} & set(path.parts)
    )


@pytest.mark.parametrize(
    "broken",
    [
        "\nmake it so\n",
        "python\nimport\n",
        "console\n$ python manage.py vton_batch --every shop.Product\n",
        "console\n$ rm -r .\n",
        "console\n$ make dinner\n",
        "html\n{% tryon %}{% load vton %}\n",
        "nginx\nserver { listen }\n",
        "json\n[1,]\n",
        "css\na { color }\n",
        "js\nlet = {\n",
        "text\nsomething happened\n",
        "ini\n[Service]\nExecStart=/srv/shop/.venv/bin/python manage.py cluster\n",
        "http\nNo: status\n",
        (
            'po\nmsgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
            'msgid "Nobody says this"\nmsgstr "Das sagt niemand"\n'
        ),
        "yaml\nservices: {a: {command: python manage.py cluster}}\n",
    ],
)
def test_a_block_that_is_wrong_is_found(broken: str) -> None:
    (block,) = blocks.of("page", f"```{broken}```\n")
    with pytest.raises((Exception, SystemExit)):
        readers.READERS[block.language](block.code)


# Python -------------------------------------------------------------------------------------------------


@pytest.fixture
def names(
    shirt: Product, phone_photo: PhotoMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What the guides speak of: a product, a request of a visitor, somebody of the staff, a photo."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noa.jpg").write_bytes(phone_photo())
    request = RequestFactory().get("/")
    user = get_user_model().objects.create_superuser("staff", "staff@shop.example", "tests")
    return {"product": shirt, "request": request, "user": user}


@pytest.fixture
def run(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`run(page)` runs the Python of a page, in its order: settings are checked, files become modules."""
    monkeypatch.setattr(products, "_registry", {})
    monkeypatch.setattr(products, "problems", [])
    receivers = [
        (each, list(each.receivers)) for each in vars(signals).values() if hasattr(each, "receivers")
    ]

    def run(page: str) -> None:
        for block in blocks.of_page(page, "python"):
            code = compile(block.code, str(block), "exec")
            if block.file == "settings.py":
                settings_hold(code)
            elif block.file.startswith("shop/"):
                become_module(block, monkeypatch)
            elif not readers.is_shown(block):
                assert not block.file, f"nobody makes {block.file}"
                if "@register(" in block.code:
                    products._registry.clear()
                exec(code, names)  # noqa: S102 - it is ours

    yield run
    for signal, before in receivers:
        signal.receivers[:] = before
        signal.sender_receivers_cache.clear()


def become_module(block: blocks.Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that a block shows can be imported, until the test ends."""
    module = types.ModuleType(block.file.removesuffix(".py").replace("/", "."))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    # Another test had the same file, and Celery keeps what it was told.
    current_app.tasks.pop(f"{module.__name__}.call", None)
    exec(compile(block.code, str(block), "exec"), vars(module))  # noqa: S102 - it is ours


def settings_hold(code: types.CodeType) -> None:
    """Settings of a page in place of the shop's: each is known, and the checks are content."""
    found: dict[str, Any] = {"BASE_DIR": blocks.ROOT}
    exec(code, found)  # noqa: S102 - it is ours
    changes = {name: value for name, value in found.items() if name.isupper() and name != "BASE_DIR"}
    assert changes
    known = {*dir(global_settings), "VTON", "Q_CLUSTER", "CELERY_BEAT_SCHEDULE", "TASKS"}
    known |= {"REST_FRAMEWORK", "SPECTACULAR_SETTINGS"}
    assert set(changes) <= known
    with override_settings(**changes, ALLOWED_HOSTS=["*"]):
        # A page about something else names no budget.
        assert [it for it in checks.run_checks(tags=["vton"]) if it.id != "vton.W003"] == []
    for entry in changes.get("CELERY_BEAT_SCHEDULE", {}).values():
        assert entry["task"] in current_app.tasks
        assert all(callable(import_string(path)) for path in entry["args"])


@pytest.mark.django_db
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_the_python_of_a_page_runs(
    page: str, run: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A shop's own settings come from its environment; the pages say what is beside that.
    monkeypatch.setitem(os.environ, "PIXAZO_API_KEY", "key")
    run(page)
    assert products.check_registry() == []


@pytest.mark.django_db
def test_what_the_guide_registers_can_be_tried_on(run: Callable[[str], None], shirt: Product) -> None:
    run("products")
    described = describe(shirt)
    assert described is not None
    assert (described.title, described.options({})) == ("Shirt", {"category": "top"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("default")  # Celery's own
def test_celery_renders_as_the_guide_says(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    gateway: Gateway,
    live_server: LiveServer,
    vton: Vton,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a real worker of Celery's, in a thread."""
    (shown,) = [block for block in blocks.of_page("queues", "python") if block.file == "shop/queues.py"]
    become_module(shown, monkeypatch)
    current_app.conf.update(
        broker_url="memory://", result_backend="cache+memory://", worker_hijack_root_logger=False
    )
    vton(ENQUEUE="shop.queues.celery", PUBLIC_BASE_URL=live_server.url)

    with start_worker(current_app, pool="solo", perform_ping_check=False):
        answer = ask(guest, shirt, phone_photo())
        until(lambda: guest.get(answer["Location"]).json()["status"] == "completed", "rendered by Celery")
    assert gateway.ledger.totals["amount"] == 75_000


def test_each_event_that_is_worth_an_alert_is_logged() -> None:
    events = re.findall(r"`event=(\w+)`", blocks.PAGES["operating"])
    lifecycle = [path.read_text() for path in (blocks.ROOT / "django_vton" / "lifecycle").glob("*.py")]
    assert len(events) >= 2
    assert all(f'"{event}"' in "".join(lifecycle) for event in events)


# What is generated ----------------------------------------------------------------------------------------


def test_the_reference_names_all_that_a_shop_may_use() -> None:
    pages = generate.pages()
    from django_vton import conf, urls
    from django_vton.messages import MESSAGES, RENDER_MESSAGES
    from django_vton.templatetags import vton as tags

    assert all(f"## `{name}`" in pages["settings"] for name in conf.Config.__dataclass_fields__)
    assert all(f"`{code}`" in pages["errors"] for code in [*MESSAGES, *RENDER_MESSAGES])
    assert all(f"{{% {name}" in pages["tags"] for name in tags.register.tags)
    sent = [name for name, each in vars(signals).items() if isinstance(each, Signal)]
    assert all(f"`{name}`" in pages["signals"] for name in sent)
    assert pages["http"].count("\n## `") == 15
    assert all(f"| `{each.name}` |" in pages["http"] for each in urls.urlpatterns if hasattr(each, "name"))
    commands = (blocks.ROOT / "django_vton" / "management" / "commands").glob("vton_*.py")
    assert all(f"## `{path.stem}`" in pages["commands"] for path in commands)
    sources = [path.read_text() for path in (blocks.ROOT / "django_vton").glob("checks*.py")]
    ids = {found for text in sources for found in re.findall(r'id="(vton\.[EW]\d{3})"', text)}
    assert len(ids) > 15
    assert all(f"`{found}`" in pages["checks"] for found in ids)


def test_each_name_that_a_guide_imports_is_in_the_reference() -> None:
    """What is not there "may change in any version": no guide may build on it."""
    pages = generate.pages()
    # Signals stand there without their module.
    pages["signals"] = pages["signals"].replace("| `", "| `django_vton.signals.")
    reference = "\n".join(pages.values())
    imported = {
        f"{node.module}.{each.name}"
        for block in blocks.CODE
        if block.language == "python"
        for node in ast.walk(ast.parse(textwrap.dedent(block.code)))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("django_vton")
        for each in node.names
    }
    assert len(imported) > 8
    assert [name for name in sorted(imported) if f"`{name}" not in reference] == []


def test_the_drawing_refuses_to_differ_from_the_states(monkeypatch: pytest.MonkeyPatch) -> None:
    from django_vton.models.states import SOURCES, State
    from docs import state_diagram

    assert state_diagram.draw().count("<rect") == len(State) + 1
    monkeypatch.setitem(SOURCES, State.RENDERED, (State.SUBMITTED, State.QUEUED))
    with pytest.raises(ValueError, match="differ"):
        state_diagram.draw()
