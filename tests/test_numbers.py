"""Numbers in HTML attributes are never localized: no template writes `height="1,024"`."""

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
from tests.admin import factories
from tests.locale_formats.en import formats
from tests.tryons import claim_for_submit, complete_tryon, make_product, product_ref
from tests.web.pages.actions import HISTORY_URL, PRIVACY_URL, form_url, order_by_form, post_action, result_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from shop.models import Product

    from .conftest import PhotoMaker

TEMPLATES = Path(django_vton.__file__).parent / "templates"
SEPARATORS = {formats.THOUSAND_SEPARATOR, formats.DECIMAL_SEPARATOR}

TEXT_ATTRIBUTES = {"alt", "aria-label", "placeholder", "price", "title"}
"""Attributes for people. The dialog shows the price as the shop formats it."""

DJANGO_ATTRIBUTES = {"data-actions-icnt"}
"""Attributes of Django's own admin."""

NUMERIC = re.compile(
    r"""(?:^|[\s"'])(?P<name>
        width|height|min|max|low|high|optimum|step|size|maxlength|minlength|cols|rows|colspan|rowspan|
        tabindex|x|y|x1|x2|y1|y2|cx|cy|r|dx|dy|viewBox|data-(?:width|height|count|max|min|page)
    )="(?P<value>[^"]*)\Z""",
    re.VERBOSE,
)
"""Matches the end of a template's text before a variable in a numeric attribute."""


@pytest.fixture
def visible_localization(settings: Settings) -> Iterator[None]:
    """Formats that make localization visible in every number from ten on."""
    settings.USE_THOUSAND_SEPARATOR = True
    settings.FORMAT_MODULE_PATH = "tests.locale_formats"
    reset_format_cache()
    yield
    reset_format_cache()


class LocalizedAttributes(HTMLParser):
    """The attributes that contain a localized number."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            f'<{tag} {name}="{value}">'
            for name, value in attrs
            if name not in TEXT_ATTRIBUTES | DJANGO_ATTRIBUTES and value and SEPARATORS & set(value)
        ]


def localized_attributes(html: str) -> list[str]:
    return LocalizedAttributes(html).found


def has_localized_text(html: str) -> bool:
    """Whether numbers in texts are localized, which shows that the test can find any."""
    return bool(SEPARATORS & set(re.sub("<[^>]*>", "", html)))


def fetch(client: Client, url: str, **query: Any) -> str:
    response = client.get(url, query)
    assert response.status_code == 200, url
    return response.content.decode()


@pytest.mark.usefixtures("visible_localization")
def test_a_localized_attribute_is_found() -> None:
    html = Template('{% load l10n %}<img width="{{ n }}" height="{{ n|unlocalize }}">').render(
        Context({"n": 1024})
    )
    assert localized_attributes(html) == ['<img width="1⁞0⁞2⁞4">']


@pytest.mark.django_db
@pytest.mark.usefixtures("visible_localization", "house_model")
def test_no_page_for_shoppers_has_a_localized_attribute(
    guest: Client,
    shirt: Product,
    glasses: Product,
    phone_photo: PhotoMaker,
) -> None:
    photo = phone_photo()
    running = claim_for_submit(order_by_form(guest, glasses, photo)).request
    done = [
        complete_tryon(order_by_form(guest, shirt, photo, keep_photo="on", option_num_samples="3"), images=3),
        complete_tryon(order_by_form(guest, shirt, phone_photo(shade=1))),
    ]
    post_action(guest, result_url(done[0]), "dislike")
    Publication.objects.create(
        image=done[0].shown_images[0], product=product_ref(shirt), main_product=product_ref(shirt)
    )
    dialogs = {it: reverse("vton:dialog") + f"?product={product_ref(it)}" for it in (shirt, glasses)}
    pages = {
        url: fetch(guest, url)
        for url in (
            form_url(shirt),
            form_url(glasses),
            result_url(running),
            f"{result_url(running)}?auto=1",
            *(result_url(row) for row in done),
            f"{result_url(done[0])}?picture=3",
            f"{result_url(done[0])}?confirm=delete",
            HISTORY_URL,
            f"{HISTORY_URL}?liked=1",
            f"{HISTORY_URL}?compare={done[0].pk}&compare={done[1].pk}",
            f"{HISTORY_URL}?confirm=erase",
            PRIVACY_URL,
            f"/products/{shirt.slug}/",
            *dialogs.values(),
        )
    }
    assert has_localized_text(pages[form_url(shirt)])
    assert {url: found for url, html in pages.items() if (found := localized_attributes(html))} == {}
    assert 'width="400"' in pages[result_url(done[0])]
    assert 'width="400"' in pages[f"/products/{shirt.slug}/"]


@pytest.fixture
def batch(db: None) -> Batch:  # noqa: ARG001 - the fixture opens the database
    """A batch with accepted, failed and waiting renders."""
    noa = factories.create_house_model()
    batch = Batch.objects.create(pk=1234, status="running", total=30, next_position=30)
    for position in range(30):
        product = make_product(f"product-{position}", "top")
        request = None
        if position < 26:
            request = factories.create_tryon(
                None, photo=noa, shared_key=f"{position}", product=product_ref(product)
            )
            request = (
                factories.complete_tryon(request)
                if position < 14
                else factories.set_state(request, State.FAILED, "vendor")
            )
        BatchRender.objects.create(
            pk=5000 + position,
            batch=batch,
            position=position,
            product=product_ref(product),
            product_title=product.name,
            photo=noa,
            status="requested" if request else "waiting",
            request=request,
            review="accepted" if position < 12 else "",
        )
    return batch


@pytest.mark.usefixtures("visible_localization")
def test_no_page_for_staff_has_a_localized_attribute(admin_user: User, batch: Batch) -> None:
    staff = Client()
    staff.force_login(admin_user)
    draft = Batch.objects.create(pk=2345, status="draft")
    lost = factories.create_unresolved_tryon()
    pages = {
        name: fetch(staff, reverse(f"admin:{name}", args=args))
        for name, *args in (
            ("vton_batch_changelist",),
            ("vton_batch_products", draft.pk),
            ("vton_batch_change", draft.pk),
            ("vton_batch_change", batch.pk),
            ("vton_batch_review", batch.pk),
            ("vton_batch_retry", batch.pk),
            ("vton_conversion_changelist",),
            ("vton_invoice",),
            ("vton_health",),
            ("vton_tryonrequest_changelist",),
            ("vton_tryonrequest_change", lost.pk),
            ("vton_tryonrequest_change", TryOnRequest.objects.filter(state="completed")[0].pk),
            ("vton_housemodel_changelist",),
            ("shop_product_change", make_product("last", "top").pk),
        )
    }
    assert has_localized_text(pages["vton_batch_review"])
    assert {name: found for name, html in pages.items() if (found := localized_attributes(html))} == {}


@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_variables_in_numeric_attributes_are_unlocalized(template: Path) -> None:
    source = template.read_text()
    for variable in re.finditer(r"\{\{(?P<expression>.*?)\}\}", source):
        before = re.sub(r"\{\{.*?\}\}", "", source[: variable.start()])
        attribute = NUMERIC.search(before)
        is_unlocalized = before.count("{% localize off %}") > before.count("{% endlocalize %}")
        if attribute and not is_unlocalized:
            last = variable["expression"].strip().rpartition("|")[2]
            assert last == "unlocalize" or last.startswith("stringformat"), variable[0]
