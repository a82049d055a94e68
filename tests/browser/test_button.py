"""The button and the badge: what they open, where they lead, what they load and what they weigh."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

import django_vton
from django_vton.templatetags.vton import LATE_MODULES
from tests.running import CHROMIUM, phone_photo

from .conftest import FLAGS
from .steps import READY, button, heading, rendered, touch, visit
from .test_swaps import HTMX, TURBO, bring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Route

    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

STATIC = Path(django_vton.__file__).parent / "static" / "vton"
PLAIN_PAGE = re.compile(r"/try-on/try/shop\.product:\d+/$")
TRY_ON = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
REMEMBERED = "sessionStorage.getItem('vton')"


def is_open(page: Page) -> None:
    expect(page.locator("vton-dialog dialog")).to_be_visible()


def is_closed(page: Page) -> None:
    expect(page.locator("vton-dialog")).to_have_count(0)


# What it loads -----------------------------------------------------------------------------------------

EVIL = "sessionStorage.ran = 'yes'; export const open = () => ({ closed: Promise.resolve() });"
ELSEWHERE = [
    f"data:text/javascript,{EVIL.replace(' ', '%20')}",
    "https://elsewhere.example/static/vton/dialog.js",
    "//elsewhere.example/static/vton/dialog.js",
    "/media/dialog.js",
    "/static/vton/more/dialog.js",
    "/static/vton/..%2f..%2fmedia%2fdialog.js",
    "/static/vton/../../media/dialog.js",
]


@pytest.fixture
def trusting(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that no policy of the shop holds back: the button alone has to."""
    context = browser.new_context(locale="en-GB", bypass_csp=True)
    yield context
    context.close()


@pytest.mark.parametrize("url", ELSEWHERE)
def test_no_script_from_elsewhere_is_run(trusting: BrowserContext, shop: RunningShop, url: str) -> None:
    page = trusting.new_page()
    asked: list[str] = []

    def evil(route: Route) -> None:
        asked.append(route.request.url)
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
        route.fulfill(body=EVIL, headers=headers)

    page.route(re.compile(r"elsewhere\.example|media(/|%2f)dialog\.js|/more/dialog\.js"), evil)
    visit(page, shop, "linen-shirt")
    page.locator("vton-try-on").evaluate(
        "(it, url) => it.setAttribute('modules', `${url} ${it.getAttribute('modules')}`)", url
    )
    button(page).click()
    page.wait_for_url(PLAIN_PAGE)
    assert page.evaluate("sessionStorage.ran") is None
    assert asked == []


@pytest.mark.parametrize("name", ["dialog-url", "start-url", "stylesheet"])
def test_nothing_else_from_elsewhere_is_loaded(
    trusting: BrowserContext, shop: RunningShop, name: str
) -> None:
    page = trusting.new_page()
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url) if "elsewhere" in it.url else None)
    visit(page, shop, "linen-shirt")
    page.locator("vton-try-on").evaluate(
        "(it, name) => it.setAttribute(name, 'https://elsewhere.example/static/vton/x')", name
    )
    button(page).click()
    page.wait_for_url(PLAIN_PAGE)
    assert asked == []


def test_a_version_in_the_names_of_scripts_is_no_matter(page: Page, shop: RunningShop) -> None:
    visit(page, shop, "linen-shirt")
    versions = "it => it.setAttribute('modules', it.getAttribute('modules').replaceAll('.js', '.js?v=2'))"
    page.locator("vton-try-on").evaluate(versions)
    touch(page)


# A page that opens the dialog by itself ----------------------------------------------------------------


def test_a_page_opened_for_a_try_on_opens_the_dialog_once(page: Page, shop: RunningShop) -> None:
    page.goto(f"{shop.url}/products/linen-shirt/?from=mail#try-on")
    is_open(page)
    assert page.url == f"{shop.url}/products/linen-shirt/?from=mail"
    page.reload()
    expect(button(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    is_closed(page)


TWICE = """document.addEventListener("DOMContentLoaded", () => {
    const first = document.querySelector("vton-try-on");
    first.after(first.cloneNode(true));
});"""


def test_of_several_buttons_the_first_one_opens(page: Page, shop: RunningShop) -> None:
    page.add_init_script(TWICE)
    page.add_init_script("addEventListener('vton:opened', ({ target }) => (window.opened = target))")
    page.goto(f"{shop.url}/products/linen-shirt/#try-on")
    is_open(page)
    expect(page.locator("vton-try-on")).to_have_count(2)
    assert page.evaluate("window.opened === document.querySelector('vton-try-on')")
    expect(page.locator("vton-dialog")).to_have_count(1)


def test_another_fragment_opens_nothing(page: Page, shop: RunningShop) -> None:
    page.goto(f"{shop.url}/products/linen-shirt/#main")
    page.wait_for_load_state("networkidle")
    is_closed(page)
    assert page.url.endswith("#main")


@pytest.mark.parametrize("script", [HTMX, TURBO], ids=["htmx", "turbo"])
def test_a_page_that_is_swapped_in_opens_it_as_well(page: Page, shop: RunningShop, script: str) -> None:
    bring(page, script)
    visit(page, shop, "linen-shirt")
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("link", name="Lindenhof").first.click()
    expect(page).to_have_url(f"{shop.url}/")
    for_it = page.get_by_role("link", name=re.compile("linen shirt")).first
    for_it.evaluate("it => { it.href += '#try-on'; window.htmx?.process(it); }")
    for_it.click()
    is_open(page)
    page.wait_for_load_state("networkidle")
    is_open(page)
    assert page.evaluate("window.isTheSamePage") is True
    assert page.url == f"{shop.url}/products/linen-shirt/"


# Where the badge leads ---------------------------------------------------------------------------------


def told_of(page: Page, shop: RunningShop, slug: str, **values: Any) -> None:
    """A try-on that the tab remembers; the shop answers for it."""
    answer = {
        "id": TRY_ON,
        "product": shop.product(slug),
        "product_url": f"/products/{slug}/",
        "page_url": f"/try-on/r/{TRY_ON}/",
        "status": "completed",
        "error": None,
        **values,
    }
    page.route(f"**/api/try-ons/{TRY_ON}/*", lambda route: route.fulfill(json=answer))
    remember = json.dumps(json.dumps(answer | {"status": "queued"}))
    page.add_init_script(f"sessionStorage.getItem('vton') ?? sessionStorage.setItem('vton', {remember})")


BADGE = "vton-badge a"


def test_the_badge_brings_the_result_on_the_products_page(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    tryon = rendered(context, shop, "linen-shirt", phone_photo(shade=81))
    remember = json.dumps({"id": tryon["id"], "product": tryon["product"], "status": "queued"})
    page.goto(shop.url)
    page.evaluate("it => sessionStorage.setItem('vton', it)", remember)
    page.reload()
    page.get_by_role("link", name="Your look is ready").click()
    heading(page, READY)
    assert page.url == f"{shop.url}/products/linen-shirt/"
    assert page.evaluate(REMEMBERED) is None
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    is_closed(page)
    expect(page.locator("vton-badge")).to_have_count(0)


@pytest.mark.parametrize("status", ["processing", "completed"])
def test_on_a_page_with_its_button_the_badge_opens_the_dialog(
    page: Page, shop: RunningShop, status: str
) -> None:
    told_of(page, shop, "linen-shirt", status=status)
    visit(page, shop, "linen-shirt")
    page.evaluate("window.isTheSamePage = true")
    page.locator(BADGE).click()
    is_open(page)
    assert page.evaluate("window.isTheSamePage") is True
    page.keyboard.press("Escape")
    is_closed(page)
    expect(button(page)).to_be_focused()


@pytest.mark.parametrize(
    ("values", "leads_to"),
    [
        ({}, "/products/linen-shirt/#try-on"),
        ({"status": "processing"}, "/products/linen-shirt/#try-on"),
        ({"product_url": "/products/linen-shirt/?size=M#more"}, "/products/linen-shirt/?size=M#try-on"),
        ({"status": "failed"}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": ""}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": "https://elsewhere.example/shirt/"}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": "javascript:alert(1)"}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": "http://["}, f"/try-on/r/{TRY_ON}/"),
        # The page it stands on, which has no button of the product any more.
        ({"product_url": "/products/linden-tote/"}, f"/try-on/r/{TRY_ON}/"),
    ],
)
def test_elsewhere_the_badge_leads_to_the_product_or_to_the_result(
    page: Page, shop: RunningShop, values: dict[str, str], leads_to: str
) -> None:
    told_of(page, shop, "linen-shirt", **values)
    visit(page, shop, "linden-tote")
    expect(page.locator(BADGE)).to_have_attribute("href", re.compile(f"^({shop.url})?{re.escape(leads_to)}$"))


def test_a_click_that_leads_elsewhere_forgets_nothing(page: Page, shop: RunningShop) -> None:
    told_of(page, shop, "linen-shirt")
    page.goto(shop.url)
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    page.locator(BADGE).click()
    assert json.loads(page.evaluate(REMEMBERED))["id"] == TRY_ON
    expect(page.locator(BADGE)).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert page.evaluate(REMEMBERED) is None


@pytest.mark.parametrize("how", [{"modifiers": ["Control"]}, {"button": "middle"}])
def test_a_click_for_a_new_tab_is_a_plain_links(
    page: Page, context: BrowserContext, shop: RunningShop, how: Any
) -> None:
    told_of(page, shop, "linen-shirt")
    visit(page, shop, "linen-shirt")
    with context.expect_page() as news:
        page.locator(BADGE).click(**how)
    assert news.value.url.split("?")[0].endswith(f"/try-on/r/{TRY_ON}/")
    is_closed(page)


def test_a_badge_is_not_printed(page: Page, shop: RunningShop) -> None:
    told_of(page, shop, "linen-shirt")
    page.goto(shop.url)
    expect(page.locator(BADGE)).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(BADGE)).to_be_hidden()


SAY_THE_LONGEST = "it => it.say(document.querySelector('script[data-vton]').dataset.offline)"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_on_a_phone_the_badge_is_clear_of_the_screens_edges(
    browser: Browser, shop: RunningShop, language: str
) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 568}, locale=language)
    page = context.new_page()
    told_of(page, shop, "linen-shirt")
    page.goto(shop.url)
    expect(page.locator(BADGE)).to_be_visible()
    insets = {"top": 0, "left": 30, "bottom": 34, "right": 30}
    context.new_cdp_session(page).send("Emulation.setSafeAreaInsetsOverride", {"insets": insets})
    page.locator("vton-badge").evaluate(SAY_THE_LONGEST)
    box = page.locator("vton-badge").bounding_box()
    assert box
    assert box["x"] >= 30
    assert box["x"] + box["width"] <= 320 - 30
    assert box["y"] + box["height"] == 568 - 34 - 16
    context.close()


# Behind the dialog -------------------------------------------------------------------------------------

PLACES = """() => ["header.site", "h1", ".try", "footer.site"].flatMap((it) => {
    const { left, right, top } = document.querySelector(it).getBoundingClientRect();
    return [left, right, top];
})"""
SCROLLED = "() => { window.scrolled = new Promise((yes) => (window.onscroll = () => yes(0))); }"
STICKY = """() => {
    const style = new CSSStyleSheet();
    style.replaceSync(`body { overflow-x: hidden; } header.site { position: sticky; inset-block-start: 0; }`);
    document.adoptedStyleSheets.push(style);
}"""
ROOT = """() => {
    const style = new CSSStyleSheet();
    style.replaceSync(`html { overflow: hidden scroll; }`);
    document.adoptedStyleSheets.push(style);
}"""


@pytest.fixture(scope="module")
def classic(browser: Browser) -> Iterator[Browser]:
    """A browser whose scrollbars take space, as on Windows."""
    hidden = ["--hide-scrollbars"]
    launch = browser.browser_type.launch
    running = launch(executable_path=CHROMIUM, args=FLAGS, ignore_default_args=hidden)
    yield running
    running.close()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize(
    ("height", "script"),
    [(700, ""), (2400, ""), (700, STICKY), (700, ROOT), (2400, ROOT)],
    ids=["long", "short", "sticky header", "scrollbar of its own", "scrollbar without need"],
)
def test_the_page_behind_the_dialog_stays_as_it_is(
    classic: Browser, shop: RunningShop, language: str, height: int, script: str
) -> None:
    page = classic.new_page(viewport={"width": 1280, "height": height}, locale=language)
    visit(page, shop, "linen-shirt")
    page.evaluate(script or "0")
    page.evaluate("scrollTo(0, 150)")
    bar = page.evaluate("innerWidth - document.documentElement.clientWidth")
    assert (bar > 0) == (height == 700 or script == ROOT)
    scrolled = page.evaluate("scrollY")
    assert scrolled == (150 if height == 700 else 0)
    # `vw` is measured with or without the scrollbar: this page's paddings differ by less than a pixel.
    places = pytest.approx(page.evaluate(PLACES), abs=1.5)
    page.locator(".vton-button").click()
    is_open(page)
    assert page.evaluate(PLACES) == places
    page.mouse.move(5, 300)
    page.mouse.wheel(0, 400)
    page.mouse.wheel(0, -50)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("scrollY") == scrolled
    page.keyboard.press("Escape")
    is_closed(page)
    assert page.evaluate(PLACES) == places
    if height == 700:
        page.evaluate(SCROLLED)
        page.mouse.wheel(0, 40)
        page.evaluate("scrolled")
    page.close()


# What it weighs ----------------------------------------------------------------------------------------


def zipped(*names: str) -> int:
    return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names)


def test_the_button_is_small() -> None:
    assert zipped("button.js") <= 3000
    assert zipped("button.css") <= 1500


def test_the_first_opening_is_small(shop: RunningShop) -> None:
    """Without pictures."""
    query = {"product": shop.product("linen-shirt"), "lang": "en"}
    html = httpx.get(f"{shop.url}/try-on/dialog/", params=query).text
    files = zipped("dialog.css", *(f"{name}.js" for name in LATE_MODULES))
    assert len(gzip.compress(html.encode(), 9)) + files <= 22_000
