"""Requests by the thousand, out of the API's own schema and out of worse: no 5xx, and nothing undescribed.

`make test` sends some; with ROUNDS=1 many more, others with each SEED.
"""

from __future__ import annotations

import json
import traceback
from base64 import b64encode
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
from tests.web.api.described import PREFIX, ROUTES

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


def many(short: int, long: int) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=long if ROUNDS else short,
        deadline=None,
        database=None,
        derandomize=not ROUNDS,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


class Shop:
    """What requests may hit by name, and who sends them."""

    def __init__(self, browser: Client, row: TryOnRequest, house_model: PersonPhoto) -> None:
        self.browser = browser
        self.row = row
        self.house_model = str(house_model.pk)
        self.errors: list[str] = []
        self.statuses: Counter[int] = Counter()

    def cookies(self) -> dict[str, str]:
        return {name: it.value for name, it in self.browser.cookies.items()}

    def remember(self, **_about: Any) -> None:
        self.errors.append(traceback.format_exc())

    def saw(self, status: int) -> None:
        self.statuses[status] += 1
        assert not self.errors, self.errors[-1]
        assert status < 500


@pytest.fixture(params=["guest", "user"])
def shop(
    request: pytest.FixtureRequest,
    transactional_db: None,  # noqa: ARG001 - the pump works on a connection of its own
    gateway: Gateway,
    files: StoredFiles,  # noqa: ARG001 - a folder of this test's own
    glasses: Product,
    house_model: PersonPhoto,
    phone_photo: PhotoMaker,
    vton: Vton,
) -> Iterator[Shop]:
    """One with no quotas, and a shopper who has a try-on, a photo and a session."""
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
    got_request_exception.connect(found.remember)
    yield found
    got_request_exception.disconnect(found.remember)
    # Whatever was accepted on the way is rendered like any other.
    gateway.scenario(submit="terminal", times=None)
    dispatcher.drain()
    assert not TryOnRequest.objects.exclude(state__in=TERMINAL).exists()
    check_books(gateway)


def test_what_the_schema_describes_is_what_is_answered(shop: Shop) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/schema.json", application)
    operations = [schema[path][method] for method, path in ROUTES]
    # What erases all comes last.
    for operation in sorted(operations, key=lambda it: (it.method.upper() == "DELETE", "me" in it.path)):

        @many(short=15, long=300)
        @hypothesis.seed(SEED)
        @given(case=operation.as_strategy(), aim=st.sampled_from(["well", "badly", "not"]))
        def answers(case: schemathesis.Case[Any], aim: str) -> None:
            own: dict[str, Any] = {}
            if aim != "not":
                _aim(case, shop, well=aim == "well")
                own = {"headers": {"X-Csrftoken": CSRF}, "cookies": shop.cookies()}
            response = case.call(**own)
            shop.saw(response.status_code)
            case.validate_response(response, checks=CHECKS)

        answers()
    assert {200, 202, 204, 400, 403, 404} <= set(shop.statuses), shop.statuses


def _aim(case: schemathesis.Case[Any], shop: Shop, *, well: bool) -> None:
    """At what is there: at random, requests would hardly get past the first look."""
    if "id" in case.path_parameters:
        case.path_parameters["id"] = str(shop.row.photo_id if "/photos/" in case.path else shop.row.pk)
    if case.path.endswith("/start/"):
        case.query["product"] = shop.row.product
    if isinstance(case.body, dict) and "product" in case.body:
        case.body["product"] = shop.row.product
        if well:
            case.body = {"product": shop.row.product, "photo_id": shop.house_model}


STEPS = {
    "look": ("GET", "try-ons/{id}/"),
    "cancel": ("POST", "try-ons/{id}/cancel/"),
    "judge": ("PUT", "try-ons/{id}/feedback/"),
    "erase": ("DELETE", "try-ons/{id}/"),
    "list": ("GET", "try-ons/"),
    "export": ("GET", "me/"),
    "withdraw": ("DELETE", "consent/"),
}


def test_one_thing_after_another(shop: Shop) -> None:
    """A try-on that was accepted is looked at, ended, judged and erased, in any order."""
    schema = schemathesis.openapi.from_wsgi("/api/schema.json", application)
    bodies: dict[str, dict[str, Any]] = {
        "ask": {"product": shop.row.product, "photo_id": shop.house_model},
        "judge": {"value": "like"},
    }

    def call(step: str, pk: str = "") -> schemathesis.Response:
        method, path = STEPS.get(step, ("POST", "try-ons/"))
        body = {"body": bodies[step], "media_type": "application/json"} if step in bodies else {}
        ids = {"id": pk} if "{id}" in path else {}
        case = schema[PREFIX + path][method].Case(path_parameters=ids, **body)  # type: ignore[arg-type] # either
        response = case.call(headers={"X-Csrftoken": CSRF}, cookies=shop.cookies())
        shop.saw(response.status_code)
        case.validate_response(response, checks=CHECKS)
        return response

    @many(short=8, long=100)
    @hypothesis.seed(SEED)
    @given(steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=8))
    def answers(steps: list[str]) -> None:
        pk = call("ask").json()["id"]
        erased = False
        for step in steps:
            status = call(step, pk).status_code
            if "{id}" in STEPS[step][1]:
                assert (status == 404) == erased
            erased = erased or step == "erase"

    answers()
    assert {200, 202, 204, 404, 409} <= set(shop.statuses), shop.statuses


# Worse than any schema ------------------------------------------------------------------------------

ODD = st.sampled_from(
    ["", "\0", "\ud800", "﷽", "a\r\nb: c", "%00", "../../x", "9" * 400, "x" * 5000, "1e999"]
)
WORDS = st.one_of(ODD, st.text(max_size=20), st.sampled_from(["true", "null", "[]", "{}", "NaN"]))
NUMBERS = st.one_of(st.integers(), st.just(10**300), st.floats(), st.booleans(), st.none())
SCALARS: st.SearchStrategy[Any] = st.one_of(WORDS, NUMBERS)
NESTS = st.one_of(st.lists(SCALARS, max_size=3), st.dictionaries(WORDS, SCALARS, max_size=3))
VALUES = st.one_of(SCALARS, NESTS, st.lists(NESTS, max_size=2), st.dictionaries(WORDS, NESTS, max_size=2))
FIELDS = st.sampled_from(["product", "photo", "photo_id", "consent", "keep_photo", "options", "value", "x"])
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Accept",
            "Accept-Language",
            "Content-Encoding",
            "Idempotency-Key",
            "If-None-Match",
            "Origin",
            "Range",
            "Referer",
            "X-Forwarded-For",
            "X-HTTP-Method-Override",
            "X-Requested-With",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40),
    max_size=3,
)
CHARSETS = st.sampled_from(["", "; charset=utf-16", "; charset=utf-7", "; charset=rot13", "; charset=\xe4"])


@st.composite
def json_bodies(draw: st.DrawFn, known: dict[str, Any]) -> tuple[bytes, str]:
    """Any JSON; objects with our names, twice as well, in any of its encodings or cut off."""
    pairs = draw(st.lists(st.tuples(FIELDS, st.one_of(VALUES, st.sampled_from(list(known.values()))))))
    if draw(st.booleans()):
        pairs += list(known.items())
    text = "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs) + "}"
    if draw(st.integers(0, 5)) == 0:
        text = json.dumps(draw(VALUES))
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])))
    return data[: draw(st.sampled_from([None, None, None, 1, 20]))], "application/json" + draw(CHARSETS)


@st.composite
def forms(draw: st.DrawFn, known: dict[str, Any]) -> tuple[bytes, str]:
    """Parts with any names, types, encodings and ends, some of them files, some of them twice."""
    parts = [(name, str(value), "") for name, value in known.items()] if draw(st.booleans()) else []
    names = st.one_of(FIELDS, WORDS)
    parts += draw(st.lists(st.tuples(names, WORDS, st.one_of(st.just(""), WORDS)), max_size=4))
    end = draw(st.sampled_from(["\r\n", "\r\n", "\n"]))
    body = ""
    for name, value, file in parts:
        body += f'--edge{end}Content-Disposition: form-data; name="{name}"'
        if file:
            body += f'; filename="{file}"{end}Content-Type: {draw(WORDS)}'
        if draw(st.integers(0, 4)) == 0:
            body += f"{end}Content-Transfer-Encoding: {draw(st.sampled_from(['base64', '8bit', 'x']))}"
        body += f"{end}{end}{value}{end}"
    body += draw(st.sampled_from(["--edge--\r\n", "--edge--", "--edge", ""]))
    boundary = draw(st.sampled_from(["edge", "edge", "edge", '"edge"', "", "e" * 300, "\xe4"]))
    return body.encode("utf-8", "surrogatepass"), f"multipart/form-data; boundary={boundary}" + draw(CHARSETS)


@st.composite
def urlencoded(draw: st.DrawFn, known: dict[str, Any]) -> tuple[bytes, str]:
    pairs = draw(st.lists(st.tuples(st.one_of(FIELDS, WORDS), WORDS), max_size=5)) + list(known.items())
    body = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
    return body, "application/x-www-form-urlencoded" + draw(CHARSETS)


CURSORS = st.builds(
    lambda key, value: b64encode(f"{key}={quote(value)}".encode()).decode(),
    st.sampled_from("por"),
    st.sampled_from(["yesterday", "0001-01-01 00:00:00+14:00", "9999-12-31 23:59:59-14:00", "-1", "\0"]),
)
QUERIES = st.one_of(WORDS, CURSORS)
BODIES = [json_bodies, forms, urlencoded]
TYPES = st.one_of(
    st.none(), st.sampled_from(["", "application/json", "multipart/form-data", "text/plain", ";", "a/b;=;"])
)


def test_what_no_schema_describes_is_refused_in_one_shape(shop: Shop) -> None:
    ask = {"product": shop.row.product, "photo_id": shop.house_model}
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.cookies.load(shop.cookies())

    @many(short=150, long=4_000)
    @hypothesis.seed(SEED)
    @given(data=st.data())
    def answers(data: st.DataObject) -> None:
        method, path = data.draw(st.sampled_from([*ROUTES, *[("POST", TRY_ONS)] * 6]))
        if data.draw(st.integers(0, 9)) == 0:
            method = data.draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]))
        target = data.draw(st.sampled_from([str(shop.row.pk), str(shop.row.photo_id), "0", "\0", "a/b"]))
        known = {"value": data.draw(VALUES)} if path.endswith("/feedback/") else ask
        body, kind = data.draw(data.draw(st.sampled_from(BODIES))(known))
        kind = data.draw(TYPES) or kind
        query = data.draw(st.dictionaries(st.sampled_from(["product", "lang", "cursor", "x"]), QUERIES))
        if "rot13" in kind:
            query = {}  # Django itself stumbles over both at once, before it calls anybody.
        headers = data.draw(HEADERS) | {"X-CSRFToken": CSRF}
        response = browser.generic(
            method,
            path.replace("{id}", quote(target, safe="")),
            body,
            kind,
            query_params={name: value.encode("utf-8", "surrogatepass") for name, value in query.items()},
            headers=headers,
        )
        shop.saw(response.status_code)
        if response.status_code >= 400 and method != "HEAD":
            error_code(response)

    answers()
    assert {200, 204, 400, 404, 405} <= set(shop.statuses), shop.statuses
