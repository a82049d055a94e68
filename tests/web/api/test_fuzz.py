"""Generated requests, from the schema and malformed: no response is a 5xx, or missing in the schema.

`make test` sends some; with ROUNDS=1 many more, others with each SEED.
"""

from __future__ import annotations

import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import got_request_exception
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from django_vton.models import TryOnRequest
from django_vton.models.states import TERMINAL
from django_vton.shoppers import SESSION_KEY, Visitor
from django_vton.worker import dispatcher
from tests.faults.rounds import ROUNDS, SEED
from tests.intake_helpers import order_tryon, user_visitor
from tests.lifecycle.invariants import check_books
from tests.tryons import TRY_ONS, complete_tryon, error_code
from tests.web.api.malformed_requests import BODIES, CONTENT_TYPES, HEADERS, QUERIES, VALUES
from tests.web.api.openapi_document import PREFIX, ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_vton.models import PersonPhoto
    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton
    from tests.intake_helpers import StoredFiles

CSRF = "a" * 32
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def examples(short: int, long: int) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=long if ROUNDS else short,
        deadline=None,
        database=None,
        derandomize=not ROUNDS,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


class Shop:
    """The rows that requests can name, and the browser that sends them."""

    def __init__(self, browser: Client, row: TryOnRequest, house_model: PersonPhoto) -> None:
        self.browser = browser
        self.row = row
        self.house_model = str(house_model.pk)
        self.errors: list[str] = []
        self.statuses: Counter[int] = Counter()

    def cookies(self) -> dict[str, str]:
        return {name: it.value for name, it in self.browser.cookies.items()}

    def record_error(self, **_about: Any) -> None:
        self.errors.append(traceback.format_exc())

    def check(self, status: int) -> None:
        self.statuses[status] += 1
        assert not self.errors, self.errors[-1]
        assert status < 500


@pytest.fixture(params=["guest", "user"])
def shop(
    request: pytest.FixtureRequest,
    transactional_db: None,  # noqa: ARG001 - the dispatcher has a connection of its own
    gateway: Gateway,
    files: StoredFiles,  # noqa: ARG001 - a folder for this test alone
    glasses: Product,
    house_model: PersonPhoto,
    phone_photo: PhotoMaker,
    vton: Vton,
) -> Iterator[Shop]:
    """A shop without quotas, and a shopper with a try-on, a photo and a session."""
    vton(QUOTA=None, IP_QUOTA=None, IN_FLIGHT=1_000_000)
    house_model.suits = []
    house_model.save()
    browser = Client()
    browser.cookies["csrftoken"] = CSRF
    if request.param == "guest":
        visitor = Visitor(token="the-token-of-a-guest")
        session = browser.session
        session[SESSION_KEY] = visitor.token
        session.save()
        browser.cookies[settings.SESSION_COOKIE_NAME] = session.session_key or ""
    else:
        visitor = user_visitor()
        browser.force_login(User.objects.get())
    row = complete_tryon(order_tryon(glasses, visitor, phone_photo(), keep_photo=True).request)
    found = Shop(browser, row, house_model)
    got_request_exception.connect(found.record_error)
    yield found
    got_request_exception.disconnect(found.record_error)
    # Every accepted try-on is rendered as usual.
    gateway.scenario(submit="terminal", times=None)
    dispatcher.drain()
    assert not TryOnRequest.objects.exclude(state__in=TERMINAL).exists()
    check_books(gateway)


def test_responses_conform_to_the_schema(shop: Shop) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/schema.json", application)
    operations = [schema[path][method] for method, path in ROUTES]
    # The operation that erases everything comes last.
    for operation in sorted(operations, key=lambda it: (it.method.upper() == "DELETE", "me" in it.path)):

        @examples(short=15, long=300)
        @hypothesis.seed(SEED)
        @given(case=operation.as_strategy(), target=st.sampled_from(["valid", "existing", "random"]))
        def send(case: schemathesis.Case[Any], target: str) -> None:
            own: dict[str, Any] = {}
            if target != "random":
                _name_existing_rows(case, shop, is_valid=target == "valid")
                own = {"headers": {"X-Csrftoken": CSRF}, "cookies": shop.cookies()}
            response = case.call(**own)
            shop.check(response.status_code)
            case.validate_response(response, checks=CHECKS)

        send()
    assert {200, 202, 204, 400, 403, 404} <= set(shop.statuses), shop.statuses


def _name_existing_rows(case: schemathesis.Case[Any], shop: Shop, *, is_valid: bool) -> None:
    """Name existing rows. Random ids would hardly get past the first check."""
    if "id" in case.path_parameters:
        case.path_parameters["id"] = str(shop.row.photo_id if "/photos/" in case.path else shop.row.pk)
    if case.path.endswith("/start/"):
        case.query["product"] = shop.row.product
    if isinstance(case.body, dict) and "product" in case.body:
        case.body["product"] = shop.row.product
        if is_valid:
            case.body = {"product": shop.row.product, "photo_id": shop.house_model}


STEPS = {
    "poll": ("GET", "try-ons/{id}/"),
    "cancel": ("POST", "try-ons/{id}/cancel/"),
    "rate": ("PUT", "try-ons/{id}/feedback/"),
    "erase": ("DELETE", "try-ons/{id}/"),
    "list": ("GET", "try-ons/"),
    "export": ("GET", "me/"),
    "withdraw": ("DELETE", "consent/"),
}


def test_any_order_of_actions_on_a_try_on_conforms_to_the_schema(shop: Shop) -> None:
    """An accepted try-on is polled, canceled, rated and erased, in any order."""
    schema = schemathesis.openapi.from_wsgi("/api/schema.json", application)
    bodies: dict[str, dict[str, Any]] = {
        "create": {"product": shop.row.product, "photo_id": shop.house_model},
        "rate": {"value": "like"},
    }

    def call(step: str, pk: str = "") -> schemathesis.Response:
        method, path = STEPS.get(step, ("POST", "try-ons/"))
        body = {"body": bodies[step], "media_type": "application/json"} if step in bodies else {}
        ids = {"id": pk} if "{id}" in path else {}
        case = schema[PREFIX + path][method].Case(path_parameters=ids, **body)  # type: ignore[arg-type] # either
        response = case.call(headers={"X-Csrftoken": CSRF}, cookies=shop.cookies())
        shop.check(response.status_code)
        case.validate_response(response, checks=CHECKS)
        return response

    @examples(short=8, long=100)
    @hypothesis.seed(SEED)
    @given(steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=8))
    def send(steps: list[str]) -> None:
        pk = call("create").json()["id"]
        erased = False
        for step in steps:
            status = call(step, pk).status_code
            if "{id}" in STEPS[step][1]:
                assert (status == 404) == erased
            erased = erased or step == "erase"

    send()
    assert {200, 202, 204, 404, 409} <= set(shop.statuses), shop.statuses


def test_malformed_requests_get_an_error_body_and_never_a_500(shop: Shop) -> None:
    order = {"product": shop.row.product, "photo_id": shop.house_model}
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.cookies.load(shop.cookies())

    @examples(short=150, long=4_000)
    @hypothesis.seed(SEED)
    @given(data=st.data())
    def send(data: st.DataObject) -> None:
        method, path = data.draw(st.sampled_from([*ROUTES, *[("POST", TRY_ONS)] * 6]))
        if data.draw(st.integers(0, 9)) == 0:
            method = data.draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]))
        target = data.draw(st.sampled_from([str(shop.row.pk), str(shop.row.photo_id), "0", "\0", "a/b"]))
        known = {"value": data.draw(VALUES)} if path.endswith("/feedback/") else order
        body, kind = data.draw(data.draw(st.sampled_from(BODIES))(known))
        kind = data.draw(CONTENT_TYPES) or kind
        query = data.draw(st.dictionaries(st.sampled_from(["product", "lang", "cursor", "x"]), QUERIES))
        if "rot13" in kind:
            query = {}  # Django itself fails for both together, before it calls the view.
        headers = data.draw(HEADERS) | {"X-CSRFToken": CSRF}
        response = browser.generic(
            method,
            path.replace("{id}", quote(target, safe="")),
            body,
            kind,
            query_params={name: value.encode("utf-8", "surrogatepass") for name, value in query.items()},
            headers=headers,
        )
        shop.check(response.status_code)
        if response.status_code >= 400 and method != "HEAD":
            error_code(response)

    send()
    assert {200, 204, 400, 404, 405} <= set(shop.statuses), shop.statuses
