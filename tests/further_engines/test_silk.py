"""A model that differs in everything is a declaration of a few lines, without a method."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from django_vton import batches
from django_vton.billing import budget
from django_vton.models import Attempt, BudgetPeriod
from django_vton.models.states import Money
from django_vton.pixazo import Option
from shop.models import Product

from ..admin.batches import CHANGE, start_batch
from ..admin.conftest import get_page, merchant, post_messages, staff  # noqa: F401 - fixtures
from ..lifecycle.invariants import check_books
from ..tryons import post_tryon
from .gateway import ModelGateway, SilkHandler, serve
from .shop import sell_with
from .silk import Silk

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from django_vton.models import PersonPhoto

    from ..conftest import PhotoMaker, Vton

DOCS = Path(__file__).parents[2] / "docs"


class WideSilk(Silk):
    """Silk v3 with an option of each kind that only merchants may set."""

    is_verified = False
    options = (  # type: ignore[assignment]  # mypy infers that Silk has exactly one
        *Silk.options,
        Option(name="parts", kind="list", label="Parts", field="input.parts", choices=("top", "shoes")),
        Option(name="guidance", kind="number", label="Guidance", minimum=0, maximum=10),
    )


@pytest.fixture
def silk(vton: Vton, live_server: LiveServer) -> Iterator[ModelGateway]:
    with serve(SilkHandler) as gateway:
        vton(
            ENGINES={"silk-v3": "tests.further_engines.silk.Silk"},
            PIXAZO_BASE_URL=gateway.url,
            PIXAZO_API_KEY="key",
            PUBLIC_BASE_URL=live_server.url,
        )
        yield gateway


def test_the_declaration_has_at_most_fifteen_lines_and_no_method() -> None:
    source = Path(__file__).with_name("silk.py").read_text()
    (declaration,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    assert not [node for node in declaration.body if isinstance(node, ast.FunctionDef)]
    assert (declaration.end_lineno or 0) - declaration.body[0].lineno + 1 <= 15
    assert f"```python\n{source}```" in (DOCS / "engines.md").read_text()


@pytest.mark.django_db(transaction=True)
def test_a_try_on_is_rendered_with_an_option_of_the_product(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    silk: ModelGateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sell_with(monkeypatch, "silk-v3", prompt="a silk shirt")
    answer = post_tryon(guest, shirt, phone_photo())
    assert answer.status_code == 202, answer.content

    call_command("vton_worker", once=True)

    done = guest.get(answer["Location"]).json()
    # Only the ordered number of pictures is kept.
    assert (done["status"], done["engine"], len(done["images"])) == ("completed", "silk-v3", 1)
    (submit,) = silk.submits
    assert set(submit) == {"input", "notify"}
    assert set(submit["input"]) == {"images", "prompt"}
    assert submit["input"]["prompt"] == "a silk shirt"
    assert silk.fetched == ["JPEG", "JPEG"]
    attempt = Attempt.objects.get()
    assert (attempt.vendor_id, attempt.money, attempt.amount) == ("1", Money.SPENT, 40_000)
    assert BudgetPeriod.objects.get(kind=budget.Kind.DAY).spent == 40_000
    check_books()


@pytest.mark.django_db(transaction=True)
def test_a_batch_stores_and_sends_texts_lists_and_numbers(
    merchant: Client,  # noqa: F811 - the fixture above
    shirt: Product,
    house_model: PersonPhoto,
    silk: ModelGateway,
    vton: Vton,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vton(ENGINES={"silk-v3": WideSilk})
    sell_with(monkeypatch, "silk-v3", prompt="the product's own")
    draft = batches.draft([shirt], [house_model])
    html = get_page(merchant, CHANGE, draft.pk)
    assert "Silk v3 (unverified)" in html
    for name in ("prompt", "parts", "guidance"):
        assert f'name="silk-v3.{name}"' in html

    form = {"house_models": [str(house_model.pk)], "do": "save"}
    wrong = merchant.post(f"/admin/vton/batch/{draft.pk}/change/", form | {"silk-v3.parts": "top, hat"})
    assert "Must be a list of: top, shoes." in wrong.content.decode()
    given = {"silk-v3.prompt": "linen, worn", "silk-v3.parts": "top, shoes", "silk-v3.guidance": "0.5"}
    assert post_messages(merchant, CHANGE, form | given, draft.pk) == []
    draft.refresh_from_db()
    stored = {"prompt": "linen, worn", "parts": ["top", "shoes"], "guidance": 0.5}
    assert draft.options == {"silk-v3": stored}
    html = get_page(merchant, CHANGE, draft.pk)
    for value in ("linen, worn", "top, shoes", "0.5"):
        assert f'value="{value}"' in html

    assert start_batch(merchant, draft, **given) == ["Started, for at most 0.04 USD."]
    call_command("vton_worker", once=True)

    (submit,) = silk.submits
    assert submit["guidance"] == 0.5
    assert submit["input"]["prompt"] == "linen, worn"
    assert submit["input"]["parts"] == ["top", "shoes"]
    assert Attempt.objects.get().money == Money.SPENT
    check_books()


@pytest.mark.django_db
def test_system_status_marks_an_unverified_engine(admin_client: Client, vton: Vton) -> None:
    vton(ENGINES={"silk-v3": WideSilk, "idm-vton": {}})
    html = get_page(admin_client, "admin:vton_health")
    assert "silk-v3 <small>(unverified)</small>" in html
    assert "idm-vton <small>(unverified)</small>" in html
    assert "0.05 USD" in html
    assert "fashn-v1.6</th>" in html
