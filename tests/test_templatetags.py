from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.template import Context, Template
from django.test import RequestFactory, override_settings
from django.utils import timezone, translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

import django_vton
from django_vton.exceptions import ProductNotRegistered
from django_vton.models import DispatcherLease, ProductCheck, Publication, TryOnImage, TryOnRequest
from django_vton.templatetags.vton import LAZY_MODULES
from django_vton.web.button_visibility import visibility
from shop.models import Kind, Product

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries


@pytest.fixture(autouse=True)
def _fill_cache(db: None) -> None:  # noqa: ARG001 - the cached reason is read from the database
    cache.clear()
    assert not visibility().hidden_reason


def product(**values: Any) -> Product:
    return Product(**({"pk": 42, "name": "Linen shirt", "kind": Kind.TOP, "photo": "shirt.jpg"} | values))


def render(tag: str, **context: Any) -> str:
    return Template("{% load vton %}" + tag).render(Context(context))


class Elements(HTMLParser):
    """All elements of a piece of HTML, as pairs of tag and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def only(self, name: str) -> dict[str, Any]:
        (attributes,) = [attributes for tag, attributes in self.found if tag == name]
        return attributes


def test_the_button_is_a_plain_link_inside_of_the_element() -> None:
    elements = Elements(render('{% tryon product cart="basket" %}', product=product()))
    element = elements.only("vton-try-on")
    assert element["product"] == "shop.product:42"
    assert element["kind"] == "garment"
    assert element["cart"] == "basket"
    assert element["start-url"].startswith("/try-on/")
    assert element["stylesheet"] == "/static/vton/dialog.css"
    assert element["modules"].split()[0] == "/static/vton/dialog.js"
    link = elements.only("a")
    assert link["href"] == "/try-on/try/shop.product:42/"
    assert link["rel"] == "nofollow"


def test_the_accessible_name_contains_the_escaped_product_title() -> None:
    html = render("{% tryon product cart=cart %}", product=product(name='<b>"Shirt"'), cart='"><script>')
    assert ": &lt;b&gt;&quot;Shirt&quot;</span>" in html
    assert "<b>" not in html
    assert "<script" not in html


def test_the_element_has_the_products_kind_and_the_pages_language() -> None:
    with translation.override("de"):
        element = Elements(render("{% tryon product %}", product=product(kind=Kind.EYEWEAR))).only(
            "vton-try-on"
        )
    assert (element["kind"], element["lang"]) == ("eyewear", "de")
    assert "cart" not in element


def test_the_button_needs_neither_query_nor_request(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert "vton-try-on" in render("{% tryon product %}", product=product())


ALL_ARGUMENTS = "{% tryon product cart='bag' price=price variant=variant cart_label=label %}"


def test_price_variant_and_cart_label_become_attributes() -> None:
    values = {"price": "89,00 €", "variant": 'Blue "sky", M & L', "label": "In den <b>Warenkorb</b>"}
    element = Elements(html := render(ALL_ARGUMENTS, product=product(), **values)).only("vton-try-on")
    assert (element["price"], element["variant"], element["cart-label"]) == tuple(values.values())
    assert element["cart"] == "bag"
    assert "<b>" not in html


def test_missing_arguments_have_no_attribute() -> None:
    element = Elements(render(ALL_ARGUMENTS, product=product(), price=None, variant="")).only("vton-try-on")
    assert element.keys().isdisjoint({"price", "variant", "cart-label"})


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (Decimal("1089.50"), "1089,50"),
        (89, "89"),
        (0, "0"),
        (mark_safe('<span class="money">89,00&nbsp;€</span>'), "89,00\xa0€"),
        (gettext_lazy("Price"), "Preis"),
    ],
    ids=["decimal", "number", "zero", "HTML of a filter for money", "lazy"],
)
def test_the_price_is_formatted_as_in_a_template(price: object, shown: str) -> None:
    with translation.override("de"):
        html = render(ALL_ARGUMENTS, product=product(), price=price)
    assert Elements(html).only("vton-try-on")["price"] == shown


def test_a_page_with_many_products_has_the_right_button_for_each() -> None:
    shown = [
        product(pk=1, name="Linen {title of any product}", price=10),
        product(pk=2, name="Sun & sea", kind=Kind.EYEWEAR, price=20),
        product(pk=3, name="{price of any product}", price=30),
    ]
    tags = "{% tryon it cart=it.kind price=it.price variant=it.name %}{% tryon it %}"
    html = render(f"{{% for it in shown %}}{tags}{{% endfor %}}", shown=shown)
    assert html == "".join(render(tags, it=it) for it in shown)
    found = [attributes for tag, attributes in Elements(html).found if tag == "vton-try-on"]
    assert [[it[name] for name in ("product", "kind", "cart", "price", "variant")] for it in found[::2]] == [
        ["shop.product:1", "garment", Kind.TOP, "10", "Linen {title of any product}"],
        ["shop.product:2", "eyewear", Kind.EYEWEAR, "20", "Sun & sea"],
        ["shop.product:3", "garment", Kind.TOP, "30", "{price of any product}"],
    ]
    assert all(it.keys().isdisjoint({"cart", "price", "variant"}) for it in found[1::2])
    assert '<span class="vton-hidden">: Sun &amp; sea</span>' in html


def test_a_page_reads_the_cache_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cache_get = Mock(wraps=cache.get)
    monkeypatch.setattr(cache, "get", cache_get)
    card = Template("{% load vton %}{% tryon it %}")
    html = render("{% for it in shown %}{% include card %}{% endfor %}", shown=[product()] * 9, card=card)
    assert html.count("</vton-try-on>") == 9
    cache_get.assert_called_once()


@pytest.mark.parametrize("key", ["42", "a b/ü%", "{title of any product}"])
def test_the_url_quotes_any_primary_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_vton.products.reference", lambda _product: f"shop.product:{key}")
    elements = Elements(render("{% tryon product %}", product=product()))
    assert elements.only("vton-try-on")["product"] == f"shop.product:{key}"
    assert unquote(elements.only("a")["href"]) == f"/try-on/try/shop.product:{key}/"


def test_an_overridden_template_may_use_anything_of_the_product(tmp_path: Path) -> None:
    (tmp_path / "vton").mkdir()
    (tmp_path / "vton" / "tryon.html").write_text("{{ product.product.slug|upper }} ")
    engine = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    with override_settings(TEMPLATES=engine):
        shown = [product(slug="coat"), product(slug="cape")]
        assert render("{% for it in shown %}{% tryon it %}{% endfor %}", shown=shown) == "COAT CAPE "


@pytest.mark.parametrize(
    "shown",
    [product(is_public=False), product(pk=None), product(kind=Kind.ACCESSORY), product(photo=""), "", None],
    ids=["disabled", "unsaved", "accessory", "no picture", "missing variable", "none"],
)
def test_nothing_is_rendered_for_a_product_without_a_try_on(shown: object) -> None:
    assert render("{% tryon product %}{% tryon_gallery product %}", product=shown) == ""


def test_nothing_is_rendered_while_the_package_is_disabled() -> None:
    cache.clear()
    with override_settings(VTON={**settings.VTON, "ENABLED": False}):
        assert render("{% tryon product %}", product=product()) == ""


@override_settings(DEBUG=True)
def test_in_debug_mode_a_comment_says_why_there_is_no_button() -> None:
    ProductCheck.objects.create(
        product="shop.product:7", problem="It is too small.", checked_at=timezone.now()
    )
    cache.clear()
    unusable = render("{% tryon product %}", product=product(pk=7))
    assert unusable.startswith("<!-- No try-on button: the image cannot be used")
    assert "no image from get_image" in render("{% tryon product %}", product=product(photo=""))
    assert "no instance of a model" in render("{% tryon misspelled %}")
    condition = "{% tryon product as button %}{% if button %}shown{% endif %}"
    assert render(condition, product=product(photo="")) == ""
    DispatcherLease.objects.create(number=1, seen_at=timezone.now() - timedelta(minutes=6))
    cache.clear()
    hidden = render("{% tryon product %}", product=product())
    assert hidden == (
        "<!-- No try-on button: try-on refuses requests (unavailable); see manage.py vton_doctor. -->"
    )


def test_a_notice_replaces_the_button_while_the_budget_is_used_up() -> None:
    cache.clear()
    with override_settings(VTON={**settings.VTON, "DAILY_BUDGET": Decimal(0)}):
        assert "Try-on will be back soon" in render("{% tryon product %}", product=product())
        assert "href" not in render("{% tryon product %}", product=product())
        assert render("{% tryon product %}", product=product(is_public=False)) == ""


def test_an_unregistered_model_is_logged_and_raises_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    user = User(pk=1)
    assert render("{% tryon product %}", product=user) == ""
    assert "unregistered model" in caplog.text
    with override_settings(DEBUG=True), pytest.raises(ProductNotRegistered):
        render("{% tryon product %}", product=user)


def test_all_scripts_and_styles_have_hashed_names(tmp_path: Path) -> None:
    hashed = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES={**settings.STORAGES, "staticfiles": hashed}):
        call_command(
            "collectstatic", interactive=False, verbosity=0, ignore_patterns=["admin", "rest_framework"]
        )
        html = render("{% tryon_assets %}{% tryon product %}", product=product())
    button = Elements(html).only("vton-try-on")
    script = Elements(html).only("script")
    urls = [*button["modules"].split(), button["stylesheet"], script["src"]]
    assert len(urls) == len(LAZY_MODULES) + 2
    for url in urls:
        name = url.removeprefix("/static/")
        assert (tmp_path / name).is_file()
        assert name.count(".") == 2, "without a hash"


def test_static_files_are_named_only_by_templates_and_all_are_used() -> None:
    """A name in a script or a style would lack the hash of the static files storage."""
    folder = Path(django_vton.__file__).parent
    files = [*folder.glob("static/vton/*.js"), *folder.glob("static/vton/*.css")]
    names_another = re.compile(
        r"""["'(][^"'()\s]+\.(js|css|svg)["')]|^\s*(import\b|@import|export.*from)""", re.MULTILINE
    )
    comments = re.compile(r"/\*.*?\*/", re.DOTALL)  # They name types.
    assert [it.name for it in files if names_another.search(comments.sub("", it.read_text()))] == []

    named = {f"{name}.js" for name in LAZY_MODULES}
    for file in [*folder.rglob("*.html"), *folder.glob("admin/*.py")]:
        named |= set(re.findall(r"""["']vton/(\w+\.\w+)["']""", file.read_text()))
    assert {file.name for file in files} == named


def test_the_assets_have_no_inline_code_and_by_default_no_nonce() -> None:
    elements = Elements(render("{% tryon_assets %}"))
    assert [tag for tag, _attributes in elements.found] == ["link", "script"]
    script = elements.only("script")
    assert script["type"] == "module"
    assert script["src"] == "/static/vton/button.js"
    assert script["data-vton"] == "/try-on/api/try-ons/"
    assert not any("nonce" in attributes or "style" in attributes for _tag, attributes in elements.found)


def test_the_nonce_of_djangos_csp_is_used() -> None:
    elements = Elements(render("{% tryon_assets %}", csp_nonce="n0nce"))
    assert [attributes["nonce"] for _tag, attributes in elements.found] == ["n0nce", "n0nce"]


class UnreadableNonce:
    """A nonce that must not be read, since reading it changes the policy."""

    def __str__(self) -> str:
        raise AssertionError("the nonce was read")


def request_with(nonce: object) -> Any:
    request: Any = RequestFactory().get("/")
    request.csp_nonce = nonce
    return request


@pytest.mark.parametrize(
    "policy",
    [
        {"CSP_INCLUDE_NONCE_IN": ["script-src"]},
        {"CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"script-src": ["'self'", "csp.constants.NONCE"]}}},
        {"CONTENT_SECURITY_POLICY_REPORT_ONLY": {"DIRECTIVES": {"default-src": ["csp.constants.NONCE"]}}},
    ],
    ids=["version 3", "version 4", "report only"],
)
def test_the_nonce_of_django_csp_is_used(policy: dict[str, Any]) -> None:
    with override_settings(**policy):
        html = render("{% tryon_assets %}", request=request_with("n0nce"))
    assert html.count('nonce="n0nce"') == 2


def test_a_policy_without_nonces_is_not_changed() -> None:
    policy = {"DIRECTIVES": {"script-src": ["'self'", "'unsafe-inline'"], "upgrade-insecure-requests": True}}
    with override_settings(CONTENT_SECURITY_POLICY=policy):
        assert "nonce" not in render("{% tryon_assets %}", request=request_with(UnreadableNonce()))


def test_the_gallery_shows_published_renders(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    render_ = TryOnRequest.objects.create(
        product="shop.product:42", main_product="shop.product:42", engine="fashn-v1.6"
    )
    image = {"request": render_, "content_type": "image/jpeg", "width": 864, "height": 1296}
    public = TryOnImage.objects.create(**image, position=0, published_at=timezone.now() - timedelta(days=1))
    private = TryOnImage.objects.create(**image, position=1)
    Publication.objects.create(image=public, product=render_.product, main_product=render_.main_product)
    with django_assert_num_queries(3):  # Two are the savepoint, since the test is a transaction.
        html = render("{% tryon_gallery product %}", product=product(name="Linen & silk"))
    assert f"/try-on/images/{public.pk}/" in html
    assert str(private.pk) not in html
    assert "AI-generated" in html
    assert "Linen &amp; silk" in html
    assert render("{% tryon_gallery product %}", product=product(pk=43)) == ""
