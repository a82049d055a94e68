"""A number in an attribute is for a machine: no template writes `height="1,024"`, whatever the format is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils.formats import reset_format_cache

import django_vton
from django_vton.models import Batch, BatchRender, Publication, TryOnRequest
from django_vton.models.states import State
from tests.admin import rows
from tests.doors import make_product, ref, render, submit
from tests.every_digit.en import formats
from tests.web.pages.steps import HISTORY, PRIVACY, act, form_of, ordered, page_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from shop.models import Product

    from .conftest import PhotoMaker

TEMPLATES = Path(django_vton.__file__).parent / "templates"
MARKS = {formats.THOUSAND_SEPARATOR, formats.DECIMAL_SEPARATOR}

READ = {"alt", "aria-label", "placeholder", "price", "title"}
"""Attributes that a person reads: the dialog shows the price as the shop writes it."""

DJANGOS = {"data-actions-icnt"}
"""Attributes of Django's own admin."""

NUMERIC = re.compile(
    r"""(?:^|[\s"'])(?P<name>
        width|height|min|max|low|high|optimum|step|size|maxlength|minlength|cols|rows|colspan|rowspan|
        tabindex|x|y|x1|x2|y1|y2|cx|cy|r|dx|dy|viewBox|data-(?:width|height|count|max|min|page)
    )="(?P<value>[^"]*)\Z""",
    re.VERBOSE,
)
"""A template up to a variable that stands in an attribute which only ever holds numbers."""


@pytest.fixture
def every_digit(settings: Settings) -> Iterator[None]:
    """Every number from ten on shows where it was localised."""
    settings.USE_THOUSAND_SEPARATOR = True
    settings.FORMAT_MODULE_PATH = "tests.every_digit"
    reset_format_cache()
    yield
    reset_format_cache()


class Attributes(HTMLParser):
    """The attributes in which a localised number stands."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wrong += [
            f'<{tag} {name}="{value}">'
            for name, value in attrs
            if name not in READ | DJANGOS and value and MARKS & set(value)
        ]


def wrong(html: str) -> list[str]:
    return Attributes(html).wrong


def is_marked(html: str) -> bool:
    """Whether numbers that people read are grouped, so that the test can see anything."""
    return bool(MARKS & set(re.sub("<[^>]*>", "", html)))


def read(client: Client, url: str, **query: Any) -> str:
    response = client.get(url, query)
    assert response.status_code == 200, url
    return response.content.decode()


@pytest.mark.usefixtures("every_digit")
def test_it_sees_a_number() -> None:
    html = Template('{% load l10n %}<img width="{{ n }}" height="{{ n|unlocalize }}">').render(
        Context({"n": 1024})
    )
    assert wrong(html) == ['<img width="1⁞0⁞2⁞4">']


@pytest.mark.django_db
@pytest.mark.usefixtures("every_digit", "house_model")
def test_what_shoppers_see(
    guest: Client,
    shirt: Product,
    glasses: Product,
    phone_photo: PhotoMaker,
) -> None:
    photo = phone_photo()
    running = submit(ordered(guest, glasses, photo)).request
    done = [
        render(ordered(guest, shirt, photo, keep_photo="on", option_num_samples="3"), pictures=3),
        render(ordered(guest, shirt, phone_photo(shade=1))),
    ]
    act(guest, page_of(done[0]), "dislike")
    Publication.objects.create(image=done[0].pictures[0], product=ref(shirt), main_product=ref(shirt))
    dialogs = {it: reverse("vton:dialog") + f"?product={ref(it)}" for it in (shirt, glasses)}
    seen = {
        url: read(guest, url)
        for url in (
            form_of(shirt),
            form_of(glasses),
            page_of(running),
            f"{page_of(running)}?auto=1",
            *(page_of(row) for row in done),
            f"{page_of(done[0])}?picture=3",
            f"{page_of(done[0])}?confirm=delete",
            HISTORY,
            f"{HISTORY}?liked=1",
            f"{HISTORY}?compare={done[0].pk}&compare={done[1].pk}",
            f"{HISTORY}?confirm=erase",
            PRIVACY,
            f"/products/{shirt.slug}/",
            *dialogs.values(),
        )
    }
    assert is_marked(seen[form_of(shirt)])
    assert {url: found for url, html in seen.items() if (found := wrong(html))} == {}
    assert 'width="400"' in seen[page_of(done[0])]
    assert 'width="400"' in seen[f"/products/{shirt.slug}/"]


@pytest.fixture
def batch(db: None) -> Batch:  # noqa: ARG001 - the fixture opens the database
    """With many renders: accepted, failed, and still to be made."""
    noa = rows.house_model()
    batch = Batch.objects.create(pk=1234, status="running", total=30, written=30)
    for position in range(30):
        product = make_product(f"product-{position}", "top")
        request = None
        if position < 26:
            request = rows.tryon(None, photo=noa, shared_key=f"{position}", product=ref(product))
            request = rows.complete(request) if position < 14 else rows.put(request, State.FAILED, "vendor")
        BatchRender.objects.create(
            pk=5000 + position,
            batch=batch,
            position=position,
            product=ref(product),
            product_title=product.name,
            photo=noa,
            status="asked" if request else "waiting",
            request=request,
            review="accepted" if position < 12 else "",
        )
    return batch


@pytest.mark.usefixtures("every_digit")
def test_what_staff_see(admin_user: User, batch: Batch) -> None:
    boss = Client()
    boss.force_login(admin_user)
    draft = Batch.objects.create(pk=2345, status="draft")
    lost = rows.lost()
    seen = {
        name: read(boss, reverse(f"admin:{name}", args=args))
        for name, *args in (
            ("vton_batch_changelist",),
            ("vton_batch_products", draft.pk),
            ("vton_batch_change", draft.pk),
            ("vton_batch_change", batch.pk),
            ("vton_batch_review", batch.pk),
            ("vton_batch_retry", batch.pk),
            ("vton_conversion_changelist",),
            ("vton_invoice",),
            ("vton_state",),
            ("vton_tryonrequest_changelist",),
            ("vton_tryonrequest_change", lost.pk),
            ("vton_tryonrequest_change", TryOnRequest.objects.filter(state="completed")[0].pk),
            ("vton_housemodel_changelist",),
            ("shop_product_change", make_product("last", "top").pk),
        )
    }
    assert is_marked(seen["vton_batch_review"])
    assert {name: found for name, html in seen.items() if (found := wrong(html))} == {}


@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_what_holds_only_numbers_is_unlocalised(template: Path) -> None:
    source = template.read_text()
    for variable in re.finditer(r"\{\{(?P<expression>.*?)\}\}", source):
        before = re.sub(r"\{\{.*?\}\}", "", source[: variable.start()])
        attribute = NUMERIC.search(before)
        is_off = before.count("{% localize off %}") > before.count("{% endlocalize %}")
        if attribute and not is_off:
            last = variable["expression"].strip().rpartition("|")[2]
            assert last == "unlocalize" or last.startswith("stringformat"), variable[0]
