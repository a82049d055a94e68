"""Our errors never reach the shop: its pages, orders, logins and saved products go on without try-on."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.db import connection
from django.template import Context, Template
from django.test import Client, override_settings
from django.urls import reverse

from django_vton.contrib.oscar import apps as oscar
from django_vton.models import Conversion
from django_vton.monitoring.typical_duration import typical_seconds
from django_vton.products import TryOn, tryon_for
from django_vton.shoppers import SESSION_KEY
from django_vton.utils import cache as vton_cache
from django_vton.utils import robust
from django_vton.web import button_visibility

from .health.test_health_checks import call_vton_doctor
from .tryons import complete_tryon, create_tryon, get_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_django import DjangoAssertNumQueries

    from shop.models import Product

    from .conftest import PhotoMaker

    Fault = Callable[[], AbstractContextManager[Any]]

PASSWORD = "a password"


@pytest.fixture(autouse=True)
def _atomic_requests(db: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - opens the database
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    monkeypatch.setattr(vton_cache, "_failed_at", -math.inf)  # Restored at the end.


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


class UnreachableCache(BaseCache):
    """A cache whose server is away: like those of Redis and memcached, it has exceptions of its own."""

    class ConnectionFailedError(Exception):
        pass

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _fail(self, *_args: Any, **_kwargs: Any) -> Any:
        raise self.ConnectionFailedError

    get = set = delete = add = _fail


@contextmanager
def missing_tables() -> Iterator[None]:
    """All tables of the package are missing. On PostgreSQL, a failed query ends the shop's transaction."""

    def rename(execute: Any, sql: str, *rest: Any) -> Any:
        return execute(sql.replace("vton_", "missing_"), *rest)

    with connection.execute_wrapper(rename):
        yield


def failing_cache(backend: type[BaseCache]) -> Fault:
    path = f"{backend.__module__}.{backend.__qualname__}"
    return lambda: override_settings(CACHES={"default": {"BACKEND": path, "LOCATION": "missing_cache"}})


FAULTS: dict[str, Fault] = {
    "no tables": missing_tables,
    "no cache server": failing_cache(UnreachableCache),
    "no table of the cache": failing_cache(DatabaseCache),
}


def log_in(client: Client) -> Any:
    return client.post(reverse("admin:login"), {"username": "ada", "password": PASSWORD})


def save_product(client: Client, product: Product, name: str) -> Any:
    """Save the shop's own form in the admin."""
    url = reverse("admin:shop_product_change", args=[product.pk])
    form = client.get(url).context["adminform"].form
    values = {key: form[key].value() for key in form.fields if key != "photo"}
    inline = {"more_photos-TOTAL_FORMS": "0", "more_photos-INITIAL_FORMS": "0"}
    return client.post(url, values | inline | {"name": name})


@pytest.mark.parametrize("fault", FAULTS)
def test_the_shop_goes_on_without_try_on(
    fault: str,
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    staff: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    complete_tryon(row := create_tryon(guest, shirt, phone_photo()))
    cache.clear()
    pages = [reverse("shop:index"), reverse("shop:product", args=[shirt.slug]), reverse("shop:cart")]

    with FAULTS[fault]():
        for url in pages * 2:
            page = guest.get(url)
            assert page.status_code == 200
            assert "<vton-try-on" not in page.text
            assert "</html>" in page.text
        assert guest.post(reverse("shop:cart_add", args=[shirt.slug])).status_code == 302
        assert guest.post(reverse("shop:checkout")).status_code == 302
        assert log_in(guest).status_code == 302
        assert save_product(guest, shirt, "Saved").status_code == 302

    shirt.refresh_from_db()
    assert shirt.name == "Saved"
    messages = Counter(record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert any("no try-on button is shown" in message.lower() for message in messages)
    assert set(messages.values()) == {1}
    if fault == "no tables":
        assert not Conversion.objects.exists()
        assert guest.session[SESSION_KEY]
    log_in(guest)
    row.refresh_from_db()
    assert row.shopper is not None
    assert row.shopper.user == staff
    assert SESSION_KEY not in guest.session


def test_the_button_returns_when_the_cache_is_used_again(
    shirt: Product, guest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = reverse("shop:product", args=[shirt.slug])
    with failing_cache(UnreachableCache)():
        assert "<vton-try-on" not in guest.get(url).text
        status, results = call_vton_doctor()
        assert status == 1
        assert results["cache"]["text"].endswith("no try-on button is shown: ConnectionFailedError")
        assert get_start(guest, shirt).json()["reason"] is None
        assert typical_seconds("fashn-v1.6") > 0
        button_visibility.clear_cache()
    assert "<vton-try-on" not in guest.get(url).text, "the cache was asked again at once"
    monkeypatch.setattr(vton_cache, "PAUSE_SECONDS", 0)
    assert "<vton-try-on" in guest.get(url).text


def test_an_error_of_the_shops_own_code_hides_the_button_and_is_raised_in_debug_mode(
    shirt: Product, guest: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_self: TryOn, _product: Any) -> Any:
        raise RuntimeError("the shop's own")

    monkeypatch.setattr(type(tryon_for(type(shirt))), "get_image", fail)
    url = reverse("shop:product", args=[shirt.slug])
    page = guest.get(url)
    assert page.status_code == 200
    assert "<vton-try-on" not in page.text
    assert "RuntimeError: the shop's own" in caplog.text
    with override_settings(DEBUG=True), pytest.raises(RuntimeError):
        guest.get(url)


def test_an_error_in_a_receiver_does_not_fail_oscars_order(caplog: pytest.LogCaptureFixture) -> None:
    oscar._count_addition(sender=None, request=None, product=None)
    oscar._count_purchase(order=None)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_static_files_that_were_not_collected_hide_the_script(caplog: pytest.LogCaptureFixture) -> None:
    hashed = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    with override_settings(STORAGES={"default": hashed, "staticfiles": hashed}):
        assert Template("{% load vton %}{% tryon_assets %}").render(Context()) == ""
    assert "Missing staticfiles manifest entry" in caplog.text


def test_a_savepoint_is_only_opened_around_queries(
    shirt: Product, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    button_visibility.visibility()
    page = Template("{% load vton %}{% tryon_assets %}{% tryon it %}")
    with django_assert_num_queries(0):  # Although a transaction is open.
        assert "<vton-try-on" in page.render(Context({"it": shirt}))


def test_a_message_is_logged_again_after_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        with robust.robust("A message."):
            raise ValueError

    fail()
    fail()
    assert len(caplog.records) == 1
    monkeypatch.setattr(robust, "LOG_SECONDS", 0)
    fail()
    assert len(caplog.records) == 2
