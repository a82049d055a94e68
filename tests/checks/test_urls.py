"""What `check` says of the way from the vendor to the doors; and that what it says is so, over HTTP."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import run_checks
from django.http import HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware
from django.test import Client
from django.urls import include, path, reverse, set_script_prefix
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.http import HttpRequest
    from pytest_django import Settings

    from tests.conftest import Vton

OURS = path("try-on/", include("django_vton.urls"))


def found() -> dict[str, tuple[str, str]]:
    """Messages about the way, and their hints."""
    messages = [it for it in run_checks(tags=["vton"]) if str(it.id).startswith("vton.W01")]
    assert len({it.id for it in messages}) == len(messages)
    return {str(it.id): (str(it.msg), str(it.hint)) for it in messages}


def use(settings: Settings, *patterns: Any) -> None:
    """Another URLconf."""
    urls = types.ModuleType("urls_of_a_test")
    vars(urls)["urlpatterns"] = patterns
    settings.ROOT_URLCONF = urls


def page(_request: HttpRequest, **_kwargs: Any) -> HttpResponse:
    return HttpResponse()


class NoSlash(CommonMiddleware):
    """As shops have it that want addresses without a slash at the end."""

    def process_request(self, request: HttpRequest) -> Any:
        if request.path != "/" and request.path.endswith("/"):
            return HttpResponsePermanentRedirect(request.path.rstrip("/"))
        return super().process_request(request)


@pytest.fixture(autouse=True)
def _public(vton: Vton, settings: Settings) -> None:
    vton(PUBLIC_BASE_URL="https://shop.example")
    settings.ALLOWED_HOSTS = ["shop.example"]


def called(url: str = "https://shop.example", door: str = "callback") -> Any:
    """What the vendor's call to the address is answered: 404, of the door itself, where all is well."""
    scheme, _sep, host = url.partition("://")
    client = Client(raise_request_exception=False, headers={"host": host})
    return client.post(reverse(f"vton:{door}", args=["probe"]), secure=scheme == "https")


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("slash", [True, False])
@pytest.mark.parametrize("debug", [True, False])
def test_the_address_as_it_is_given_is_never_redirected(settings: Settings, slash: bool, debug: bool) -> None:
    settings.APPEND_SLASH, settings.DEBUG = slash, debug
    assert found() == {}
    assert called().status_code == 404
    assert called().content == b""
    address = reverse("vton:callback", args=["probe"])
    assert address.endswith("/")
    # Cut short on the way, it is not found; a redirect would come back as a GET.
    cut = Client(headers={"host": "shop.example"}).post(address.rstrip("/"), secure=True)
    assert cut.status_code == 404


def test_a_middleware_that_takes_the_slash_away(settings: Settings) -> None:
    settings.MIDDLEWARE = [f"{__name__}.NoSlash", *settings.MIDDLEWARE]
    assert called().status_code == 301
    ((sentence, hint),) = found().values()
    assert "NoSlash" in sentence
    assert "APPEND_SLASH" in hint


# SECURE_SSL_REDIRECT --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_on", "exempt", "is_well"),
    [
        ("https://shop.example", True, [], True),
        ("https://shop.example", False, [], True),
        ("http://shop.example", False, [], True),
        ("http://shop.example", True, [], False),
        ("http://shop.example", True, [r"^try-on/webhooks/"], True),
        ("http://shop.example", True, [r"^other/"], False),
    ],
)
def test_https_for_all(
    settings: Settings, vton: Vton, url: str, is_on: bool, exempt: list[str], is_well: bool
) -> None:
    vton(PUBLIC_BASE_URL=url)
    settings.SECURE_SSL_REDIRECT, settings.SECURE_REDIRECT_EXEMPT = is_on, exempt
    assert called(url).status_code == (404 if is_well else 301)
    if exempt == [r"^try-on/webhooks/"]:
        assert "/try-on/files/" in found()["vton.W013"][0]
        settings.SECURE_REDIRECT_EXEMPT = [r"^try-on/(webhooks|files)/"]
    messages = found()
    assert set(messages) == (set() if is_well else {"vton.W013"})
    if not is_well:
        sentence, hint = messages["vton.W013"]
        assert "SECURE_SSL_REDIRECT" in sentence
        assert "VTON['PUBLIC_BASE_URL']" in hint
        assert "SECURE_REDIRECT_EXEMPT" in hint


def test_https_for_all_without_the_middleware_that_sees_to_it(settings: Settings, vton: Vton) -> None:
    vton(PUBLIC_BASE_URL="http://shop.example")
    settings.SECURE_SSL_REDIRECT = True
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Security" not in name]
    assert called("http://shop.example").status_code == 404
    assert found() == {}


# Hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_on", "is_well"),
    [
        ("https://shop.example", False, True),
        ("https://shop.example", True, False),
        ("https://www.shop.example", True, True),
    ],
)
def test_www_before_the_name(settings: Settings, vton: Vton, url: str, is_on: bool, is_well: bool) -> None:
    vton(PUBLIC_BASE_URL=url)
    settings.ALLOWED_HOSTS, settings.PREPEND_WWW = [".shop.example"], is_on
    assert called(url).status_code == (404 if is_well else 301)
    messages = found()
    assert set(messages) == (set() if is_well else {"vton.W013"})
    if not is_well:
        sentence, hint = messages["vton.W013"]
        assert "PREPEND_WWW" in sentence
        assert hint == "Set VTON['PUBLIC_BASE_URL'] to https://www.shop.example."


@pytest.mark.parametrize(
    ("hosts", "url", "is_well"),
    [
        (["shop.example"], "https://shop.example", True),
        (["shop.example"], "https://shop.example:8443", True),
        ([".example"], "https://shop.example", True),
        (["*"], "https://shop.example", True),
        (["www.shop.example"], "https://shop.example", False),
        ([], "https://shop.example", False),
    ],
)
def test_hosts_that_the_shop_answers_to(
    settings: Settings, vton: Vton, hosts: list[str], url: str, is_well: bool
) -> None:
    vton(PUBLIC_BASE_URL=url)
    settings.ALLOWED_HOSTS = hosts
    assert called(url).status_code == (404 if is_well else 400)
    messages = found()
    assert set(messages) == (set() if is_well else {"vton.W012"})
    if not is_well:
        assert "ALLOWED_HOSTS" in messages["vton.W012"][0]
        assert "'shop.example'" in messages["vton.W012"][1]


# URLs -----------------------------------------------------------------------------------------------


def test_an_address_with_a_language(settings: Settings) -> None:
    use(settings, *i18n_patterns(OURS))
    sentence, hint = found()["vton.W011"]
    assert "/en/try-on/" in sentence
    assert "/de/try-on/" in sentence
    assert "i18n_patterns" in hint
    settings.LANGUAGES = [("en", "English")]
    assert found() == {}


def test_an_address_with_a_language_but_for_the_shops_own(settings: Settings) -> None:
    use(settings, *i18n_patterns(OURS, prefix_default_language=False))
    assert set(found()) == {"vton.W011"}


def test_an_address_in_the_words_of_a_language(settings: Settings) -> None:
    use(settings, path(_("English"), include("django_vton.urls")))
    assert set(found()) == {"vton.W011"}


def test_languages_for_the_pages_of_the_shop_alone(settings: Settings) -> None:
    use(settings, OURS, *i18n_patterns(path("<path:rest>", page)))
    assert found() == {}


def test_a_page_that_takes_every_address(settings: Settings) -> None:
    use(settings, path("<path:rest>", page, name="cms"), OURS)
    assert called().status_code == 200
    sentence, hint = found()["vton.W010"]
    assert "cms" in sentence
    assert "before" in hint
    use(settings, OURS, path("<path:rest>", page, name="cms"))
    assert found() == {}


def test_a_shop_without_our_urls(settings: Settings) -> None:
    use(settings, path("", page))
    assert "include(" in found()["vton.W010"][1]


@pytest.mark.parametrize("namespace", ["vton", "anprobe"])
def test_urls_under_other_names(settings: Settings, namespace: str) -> None:
    use(settings, path("x", include("django_vton.urls", namespace=namespace)))
    assert found() == {}


def test_a_shop_below_a_path(settings: Settings) -> None:
    settings.FORCE_SCRIPT_NAME = "/shop"
    set_script_prefix("/shop/")
    try:
        assert reverse("vton:callback", args=["t"]).startswith("/shop/")
        assert found() == {}
        settings.SECURE_SSL_REDIRECT, settings.VTON = (
            True,
            settings.VTON | {"PUBLIC_BASE_URL": "http://shop.example"},
        )
        assert "https://shop.example/shop/try-on/" in found()["vton.W013"][0]
    finally:
        set_script_prefix("/")


def test_without_callbacks_what_the_vendor_fetches_counts(settings: Settings, vton: Vton) -> None:
    vton(WEBHOOKS=False)
    settings.ALLOWED_HOSTS = []
    assert set(found()) == {"vton.W012"}
    vton(PUBLIC_BASE_URL="")
    assert found() == {}


def test_a_middleware_that_is_not_there_is_djangos_to_tell(settings: Settings) -> None:
    settings.MIDDLEWARE = ["no.such.Middleware", *settings.MIDDLEWARE]
    assert found() == {}
