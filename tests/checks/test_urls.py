"""The check that the vendor reaches the callback and file URLs; requests show that its messages are true."""

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

VTON_URLS = path("try-on/", include("django_vton.urls"))


def url_messages() -> dict[str, tuple[str, str]]:
    """Texts and hints of the messages about URLs, by id."""
    messages = [it for it in run_checks(tags=["vton"]) if str(it.id).startswith("vton.W01")]
    assert len({it.id for it in messages}) == len(messages)
    return {str(it.id): (str(it.msg), str(it.hint)) for it in messages}


def use_urlconf(settings: Settings, *patterns: Any) -> None:
    urls = types.ModuleType("test_urlconf")
    vars(urls)["urlpatterns"] = patterns
    settings.ROOT_URLCONF = urls


def view(_request: HttpRequest, **_kwargs: Any) -> HttpResponse:
    return HttpResponse()


class RemoveSlashMiddleware(CommonMiddleware):
    """A middleware of shops that want URLs without a final slash."""

    def process_request(self, request: HttpRequest) -> Any:
        if request.path != "/" and request.path.endswith("/"):
            return HttpResponsePermanentRedirect(request.path.rstrip("/"))
        return super().process_request(request)


@pytest.fixture(autouse=True)
def _public(vton: Vton, settings: Settings) -> None:
    vton(PUBLIC_BASE_URL="https://shop.example")
    settings.ALLOWED_HOSTS = ["shop.example"]


def call(url: str = "https://shop.example", name: str = "callback") -> Any:
    """Request the URL as the vendor does. The view answers 404, since it does not know the token."""
    scheme, _sep, host = url.partition("://")
    client = Client(raise_request_exception=False, headers={"host": host})
    return client.post(reverse(f"vton:{name}", args=["probe"]), secure=scheme == "https")


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("slash", [True, False])
@pytest.mark.parametrize("debug", [True, False])
def test_our_own_urls_are_never_redirected(settings: Settings, slash: bool, debug: bool) -> None:
    settings.APPEND_SLASH, settings.DEBUG = slash, debug
    assert url_messages() == {}
    assert call().status_code == 404
    assert call().content == b""
    url = reverse("vton:callback", args=["probe"])
    assert url.endswith("/")
    # Without its slash it is not found; a redirect would repeat it as a GET.
    response = Client(headers={"host": "shop.example"}).post(url.rstrip("/"), secure=True)
    assert response.status_code == 404


def test_a_middleware_that_removes_the_final_slash_is_reported(settings: Settings) -> None:
    settings.MIDDLEWARE = [f"{__name__}.RemoveSlashMiddleware", *settings.MIDDLEWARE]
    assert call().status_code == 301
    ((text, hint),) = url_messages().values()
    assert "RemoveSlashMiddleware" in text
    assert "APPEND_SLASH" in hint


# SECURE_SSL_REDIRECT --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_on", "exempt", "is_reachable"),
    [
        ("https://shop.example", True, [], True),
        ("https://shop.example", False, [], True),
        ("http://shop.example", False, [], True),
        ("http://shop.example", True, [], False),
        ("http://shop.example", True, [r"^try-on/webhooks/"], True),
        ("http://shop.example", True, [r"^other/"], False),
    ],
)
def test_secure_ssl_redirect(
    settings: Settings, vton: Vton, url: str, is_on: bool, exempt: list[str], is_reachable: bool
) -> None:
    vton(PUBLIC_BASE_URL=url)
    settings.SECURE_SSL_REDIRECT, settings.SECURE_REDIRECT_EXEMPT = is_on, exempt
    assert call(url).status_code == (404 if is_reachable else 301)
    if exempt == [r"^try-on/webhooks/"]:
        assert "/try-on/files/" in url_messages()["vton.W013"][0]
        settings.SECURE_REDIRECT_EXEMPT = [r"^try-on/(webhooks|files)/"]
    messages = url_messages()
    assert set(messages) == (set() if is_reachable else {"vton.W013"})
    if not is_reachable:
        text, hint = messages["vton.W013"]
        assert "SECURE_SSL_REDIRECT" in text
        assert "VTON['PUBLIC_BASE_URL']" in hint
        assert "SECURE_REDIRECT_EXEMPT" in hint


def test_secure_ssl_redirect_without_its_middleware_does_nothing(settings: Settings, vton: Vton) -> None:
    vton(PUBLIC_BASE_URL="http://shop.example")
    settings.SECURE_SSL_REDIRECT = True
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Security" not in name]
    assert call("http://shop.example").status_code == 404
    assert url_messages() == {}


# Hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_on", "is_reachable"),
    [
        ("https://shop.example", False, True),
        ("https://shop.example", True, False),
        ("https://www.shop.example", True, True),
    ],
)
def test_prepend_www(settings: Settings, vton: Vton, url: str, is_on: bool, is_reachable: bool) -> None:
    vton(PUBLIC_BASE_URL=url)
    settings.ALLOWED_HOSTS, settings.PREPEND_WWW = [".shop.example"], is_on
    assert call(url).status_code == (404 if is_reachable else 301)
    messages = url_messages()
    assert set(messages) == (set() if is_reachable else {"vton.W013"})
    if not is_reachable:
        text, hint = messages["vton.W013"]
        assert "PREPEND_WWW" in text
        assert hint == "Set VTON['PUBLIC_BASE_URL'] to https://www.shop.example."


@pytest.mark.parametrize(
    ("hosts", "url", "is_reachable"),
    [
        (["shop.example"], "https://shop.example", True),
        (["shop.example"], "https://shop.example:8443", True),
        ([".example"], "https://shop.example", True),
        (["*"], "https://shop.example", True),
        (["www.shop.example"], "https://shop.example", False),
        ([], "https://shop.example", False),
    ],
)
def test_allowed_hosts(
    settings: Settings, vton: Vton, hosts: list[str], url: str, is_reachable: bool
) -> None:
    vton(PUBLIC_BASE_URL=url)
    settings.ALLOWED_HOSTS = hosts
    assert call(url).status_code == (404 if is_reachable else 400)
    messages = url_messages()
    assert set(messages) == (set() if is_reachable else {"vton.W012"})
    if not is_reachable:
        assert "ALLOWED_HOSTS" in messages["vton.W012"][0]
        assert "'shop.example'" in messages["vton.W012"][1]


# URLs -----------------------------------------------------------------------------------------------


def test_a_language_prefix_is_reported(settings: Settings) -> None:
    use_urlconf(settings, *i18n_patterns(VTON_URLS))
    text, hint = url_messages()["vton.W011"]
    assert "/en/try-on/" in text
    assert "/de/try-on/" in text
    assert "i18n_patterns" in hint
    settings.LANGUAGES = [("en", "English")]
    assert url_messages() == {}


def test_a_language_prefix_except_for_the_default_language_is_reported(settings: Settings) -> None:
    use_urlconf(settings, *i18n_patterns(VTON_URLS, prefix_default_language=False))
    assert set(url_messages()) == {"vton.W011"}


def test_a_translated_path_is_reported(settings: Settings) -> None:
    use_urlconf(settings, path(_("English"), include("django_vton.urls")))
    assert set(url_messages()) == {"vton.W011"}


def test_language_prefixes_for_other_urls_are_fine(settings: Settings) -> None:
    use_urlconf(settings, VTON_URLS, *i18n_patterns(path("<path:rest>", view)))
    assert url_messages() == {}


def test_a_catch_all_pattern_before_ours_is_reported(settings: Settings) -> None:
    use_urlconf(settings, path("<path:rest>", view, name="cms"), VTON_URLS)
    assert call().status_code == 200
    text, hint = url_messages()["vton.W010"]
    assert "cms" in text
    assert "before" in hint
    use_urlconf(settings, VTON_URLS, path("<path:rest>", view, name="cms"))
    assert url_messages() == {}


def test_a_missing_include_is_reported(settings: Settings) -> None:
    use_urlconf(settings, path("", view))
    assert "include(" in url_messages()["vton.W010"][1]


@pytest.mark.parametrize("namespace", ["vton", "anprobe"])
def test_another_namespace_or_prefix_is_fine(settings: Settings, namespace: str) -> None:
    use_urlconf(settings, path("x", include("django_vton.urls", namespace=namespace)))
    assert url_messages() == {}


def test_a_shop_with_a_script_prefix(settings: Settings, vton: Vton) -> None:
    settings.FORCE_SCRIPT_NAME = "/shop"
    vton(PUBLIC_BASE_URL="https://shop.example/shop")
    set_script_prefix("/shop/")
    try:
        assert reverse("vton:callback", args=["t"]).startswith("/shop/")
        assert url_messages() == {}
        settings.SECURE_SSL_REDIRECT = True
        vton(PUBLIC_BASE_URL="http://shop.example/shop")
        assert "https://shop.example/shop/try-on/" in url_messages()["vton.W013"][0]
    finally:
        set_script_prefix("/")


def test_without_callbacks_the_file_urls_are_checked(settings: Settings, vton: Vton) -> None:
    vton(WEBHOOKS=False)
    settings.ALLOWED_HOSTS = []
    assert set(url_messages()) == {"vton.W012"}
    vton(PUBLIC_BASE_URL="")
    assert url_messages() == {}


def test_a_missing_middleware_is_left_to_django(settings: Settings) -> None:
    settings.MIDDLEWARE = ["no.such.Middleware", *settings.MIDDLEWARE]
    assert url_messages() == {}
