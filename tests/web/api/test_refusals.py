"""Invalid requests are answered with 4xx and an error body. They store nothing and reserve no money."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from django_vton.models import Attempt, PersonPhoto, Shopper
from tests.tryons import TRY_ONS, error_code, post_tryon, product_ref, uploaded_photo

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

DEEP = "[" * 60_000
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


def test_common_mistakes_of_shoppers_have_their_own_codes_and_store_nothing(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    photo = phone_photo()
    answers = {
        "photo_required": post_tryon(guest, shirt),
        "consent_required": post_tryon(guest, shirt, photo, consent=None),
        "photo_format": post_tryon(guest, shirt, b"Dear diary, " * 100),
        "photo_unreadable": post_tryon(guest, shirt, photo[:3000]),
        "photo_too_small": post_tryon(guest, shirt, phone_photo(200, 200)),
        "product_unknown": guest.post(TRY_ONS, {"product": "shop.product:0", "photo": uploaded_photo(photo)}),
        "photo_gone": post_tryon(guest, shirt, photo_id=str(uuid4())),
    }
    assert {name: error_code(it)[1] for name, it in answers.items()} == {name: name for name in answers}
    assert answers["product_unknown"].status_code == 404
    assert not Attempt.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert not Shopper.objects.exists()
    assert "sessionid" not in guest.cookies


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"product": None}, (404, "product_unknown")),
        ({"product": ""}, (404, "product_unknown")),
        ({"product": "\0"}, (400, "request_invalid")),
        ({"product": "shop.product:\0"}, (400, "request_invalid")),
        ({"product": "shop.product:\ud800"}, (404, "product_unknown")),
        ({"product": "\ud800.\ud800:\ud800"}, (404, "product_unknown")),
        ({"product": "shop.product:" + "9" * 5000}, (404, "product_unknown")),
        ({"product": "shop.product:-1"}, (404, "product_unknown")),
        ({"product": 42}, (400, "request_invalid")),
        ({"product": ["shop.product:1"]}, (400, "request_invalid")),
        ({"product": {"shop.product": 1}}, (400, "request_invalid")),
        ({"photo_id": "x"}, (400, "photo_gone")),
        ({"photo_id": "\ud800"}, (400, "photo_gone")),
        ({"photo_id": "../../etc/passwd"}, (400, "photo_gone")),
        ({"photo_id": 10**4000}, (400, "request_invalid")),
        ({"photo_id": ["x"]}, (400, "request_invalid")),
        ({"photo_id": ""}, (400, "photo_required")),
        ({"photo_id": None}, (400, "photo_required")),
        ({"photo": "data:image/jpeg;base64,AAAA"}, (400, "photo_unreadable")),
        ({"photo": {"a": 1}}, (400, "photo_unreadable")),
        ({"consent": "maybe"}, (400, "request_invalid")),
        ({"consent": 1}, (400, "request_invalid")),
        ({"consent": []}, (400, "request_invalid")),
        ({"keep_photo": {}}, (400, "request_invalid")),
        ({"keep_photo": 1.5}, (400, "request_invalid")),
        ({"options": []}, (400, "options_invalid")),
        ({"options": 3}, (400, "options_invalid")),
        ({"options": True}, (400, "options_invalid")),
        ({"options": "{"}, (400, "options_invalid")),
        ({"options": "[1]"}, (400, "options_invalid")),
        ({"options": "NaN"}, (400, "options_invalid")),
        ({"options": DEEP}, (400, "options_invalid")),
        ({"options": '{"num_samples": ' + "9" * 5000 + "}"}, (400, "options_invalid")),
        ({"options": {"num_samples": 0}}, (400, "options_invalid")),
        ({"options": {"num_samples": 6}}, (400, "options_invalid")),
        ({"options": {"num_samples": 10**30}}, (400, "options_invalid")),
        ({"options": {"num_samples": "2"}}, (400, "options_invalid")),
        ({"options": {"num_samples": True}}, (400, "options_invalid")),
        ({"options": {"num_samples": 1.0}}, (400, "options_invalid")),
        ({"options": {"num_samples": None}}, (400, "options_invalid")),
        ({"options": {"num_samples": [1]}}, (400, "options_invalid")),
        ({"options": {"num_samples": {"a": {"b": []}}}}, (400, "options_invalid")),
        # Refused before the product is looked up, since the caller chooses the depth.
        ({"options": {"num_samples": [1]}, "product": "shop.product:0"}, (400, "options_invalid")),
        ({"options": {"moderation_level": "permissive"}}, (400, "options_invalid")),
        ({"options": {"category": "dress"}}, (400, "options_invalid")),
        ({"options": {"\ud800\0" * 1000: 1}}, (400, "options_invalid")),
        ({"options": {"": 1}}, (400, "options_invalid")),
    ],
    ids=lambda value: str(value)[:60].encode("unicode_escape").decode(),
)
def test_invalid_json_fields_are_refused(
    guest: Client,
    shirt: Product,
    house_model: PersonPhoto,
    changes: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    body = {"product": product_ref(shirt), "photo_id": str(house_model.pk)} | changes
    if "photo" in changes:
        del body["photo_id"]
    response = guest.post(TRY_ONS, json.dumps(body), content_type="application/json")
    assert error_code(response) == expected
    assert len(response.json()["field"]) <= 100
    assert not Attempt.objects.exists()


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
BOMB = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n' * 150 + b"--x--\r\n"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", JSON, (404, "product_unknown")),
        (b"", "", (404, "product_unknown")),
        (b"", PARTS, (404, "product_unknown")),
        (b"x", "", (415, "request_invalid")),
        (b"x", "text/plain", (415, "request_invalid")),
        (b"<a/>", "application/xml", (415, "request_invalid")),
        (b"x", "x" * 5000, (415, "request_invalid")),
        (b"x", ";;;=/,", (415, "request_invalid")),
        (b"{", JSON, (400, "request_invalid")),
        (b"null", JSON, (400, "request_invalid")),
        (b"[]", JSON, (400, "request_invalid")),
        (b'"product"', JSON, (400, "request_invalid")),
        (b"1", JSON, (400, "request_invalid")),
        (b"NaN", JSON, (400, "request_invalid")),
        (b'{"product": NaN}', JSON, (400, "request_invalid")),
        (b"\xff\xfe\xfd", JSON, (400, "request_invalid")),
        (b'{"product": "\xff"}', JSON, (400, "request_invalid")),
        (b"9" * 10_000, JSON, (400, "request_invalid")),
        (DEEP.encode(), JSON, (400, "request_invalid")),
        (b'{"a":' * 10_000, JSON, (400, "request_invalid")),
        (b"{}", JSON + "; charset=no-such", (404, "product_unknown")),
        (b"{}", JSON + "; charset=utf-7", (404, "product_unknown")),
        (b" " * 3_000_000, JSON, (413, "request_invalid")),
        (b"a=1&" * 2_000, FORM, (400, "request_invalid")),
        (b"a" * 3_000_000, FORM, (413, "request_invalid")),
        (b"product=%00", FORM, (400, "request_invalid")),
        (b"product=%ff%fe", FORM, (404, "product_unknown")),
        (b"product=a;charset", FORM + "; charset=utf-16", (404, "product_unknown")),
        (b"garbage", PARTS, (404, "product_unknown")),
        (b"garbage", "multipart/form-data", (400, "request_invalid")),
        (b"garbage", "multipart/form-data; boundary=\xe4", (400, "request_invalid")),
        (b"garbage", "multipart/form-data; boundary=" + "y" * 210, (400, "request_invalid")),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n--x--", PARTS, (404, "product_unknown")),
        (BOMB, PARTS, (400, "request_invalid")),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 3_000_000 + b"\r\n--x--",
            PARTS,
            (413, "request_invalid"),
        ),
        (
            (
                b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
                b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--\r\n"
            ),
            PARTS,
            (400, "request_invalid"),
        ),
    ],
    ids=lambda value: (value[:40] if isinstance(value, bytes) else str(value)[:40].encode()).hex()[:24],
)
@pytest.mark.parametrize("with_token", [False, True], ids=["unchecked", "checked"])
def test_invalid_bodies_are_refused(
    shirt: Product,  # noqa: ARG001 - a product that is not requested
    body: bytes,
    content_type: str,
    expected: tuple[int, str],
    with_token: bool,
) -> None:
    # Django reads the body for the CSRF check. Without the check, DRF reads it.
    client = Client(enforce_csrf_checks=with_token, headers={"X-CSRFToken": "a" * 32} if with_token else {})
    client.cookies["csrftoken"] = "a" * 32
    assert error_code(client.generic("POST", TRY_ONS, body, content_type)) == expected
    assert not Attempt.objects.exists()


def test_invalid_multipart_parts_are_refused(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    photo = phone_photo()
    for name in ("\0", "../../x.jpg", "x" * 5000, "ä\N{PILE OF POO}.php", "a\r\nX: y"):
        assert (
            guest.post(
                TRY_ONS, {"product": product_ref(shirt), "photo": uploaded_photo(b"", name), "consent": "1"}
            ).status_code
            == 400
        )
    assert error_code(guest.post(TRY_ONS, {"product": product_ref(shirt), "photo": "text"})) == (
        400,
        "photo_unreadable",
    )
    assert error_code(post_tryon(guest, shirt, b"")) in {(400, "photo_unreadable"), (400, "photo_format")}
    assert error_code(post_tryon(guest, shirt, PNG)) == (400, "photo_too_small")
    # Files of other fields are ignored.
    assert error_code(post_tryon(guest, shirt, None, picture=uploaded_photo(photo))) == (
        400,
        "photo_required",
    )


def test_files_of_other_fields_are_discarded(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    response = post_tryon(
        guest, shirt, phone_photo(), options=uploaded_photo(b"{}"), extra=uploaded_photo(b"x" * 4_000_000)
    )
    assert response.status_code == 202
    assert not response.wsgi_request.FILES.get("extra")


def test_a_photo_that_is_too_large_is_read_to_its_end_and_discarded(guest: Client, shirt: Product) -> None:
    response = post_tryon(guest, shirt, b"\xff\xd8\xff" + b"x" * 16_000_000)
    assert error_code(response) == (413, "photo_too_large")
    assert not response.wsgi_request.FILES


@pytest.mark.parametrize(
    ("method", "name", "allowed"),
    [
        ("post", "start", "GET, HEAD"),
        ("put", "tryons", "GET, HEAD, POST"),
        ("delete", "tryons", "GET, HEAD, POST"),
        ("options", "tryons", "GET, HEAD, POST"),
        ("patch", "tryons", "GET, HEAD, POST"),
        ("trace", "tryons", "GET, HEAD, POST"),
        ("post", "me", "GET, HEAD, DELETE"),
        ("get", "consent", "DELETE"),
    ],
)
def test_other_methods_answer_405_with_allow(guest: Client, method: str, name: str, allowed: str) -> None:
    response = getattr(guest, method)(reverse(f"vton:{name}"))
    assert error_code(response) == (405, "method_not_allowed")
    assert {it.strip() for it in response["Allow"].split(",")} == set(allowed.split(", "))


@pytest.mark.parametrize(
    "path",
    ["", "x/", "try-ons/x/", "try-ons/3f2504e0-4f89-11d3-9a0c-0305e82c3301/x/", "try-ons/%00/", "start/x/"],
)
def test_unknown_urls_answer_404(guest: Client, path: str) -> None:
    assert error_code(guest.get(f"/try-on/api/{path}")) == (404, "not_found")
    assert error_code(guest.post(f"/try-on/api/{path}")) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "ä"},
        {"cursor": "\0"},
        {"cursor": base64.b64encode(b"p=yesterday").decode()},
        {"cursor": base64.b64encode(b"p=2024-13-45").decode()},
        {"cursor": base64.b64encode(b"p=\x00").decode()},
        {"cursor": base64.b64encode(b"o=-1").decode()},
        {"cursor": base64.b64encode(b"o=99999999999999999999").decode()},
        {"cursor": base64.b64encode(b"p=0001-01-01 00:00:00%2B14:00").decode()},
        {"cursor": base64.b64encode(b"r=1&p=9999-12-31 23:59:59-14:00").decode()},
        {"product": "\0"},
        {"product": "x" * 5000},
        {"format": "xml"},
        {"lang": "\0"},
    ],
    ids=str,
)
def test_invalid_query_parameters_never_answer_500(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, query: dict[str, str]
) -> None:
    post_tryon(guest, shirt, phone_photo())
    response = guest.get(TRY_ONS, query)
    assert response.status_code == 200 or error_code(response)[0] in {400, 404}


def test_every_accept_header_gets_json(guest: Client) -> None:
    for accept in ("text/html", "image/png;q=x", "*", "/", "application/json; indent=9", "a/b," * 5000):
        response = guest.get(TRY_ONS, headers={"Accept": accept})
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_malformed_if_none_match_headers_are_ignored(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    url = post_tryon(guest, shirt, phone_photo())["Location"]
    for etag in ("x", '"', "W/", '"a", W/"b"', "\xe4", ",,,"):
        assert guest.get(url, headers={"If-None-Match": etag}).status_code == 200
    assert guest.get(url, headers={"If-None-Match": "*"}).status_code == 304


def test_errors_are_in_the_requested_language(guest: Client, shirt: Product, settings: Settings) -> None:
    settings.LANGUAGE_CODE = "en"
    response = guest.post(f"{TRY_ONS}?lang=de", {"product": product_ref(shirt)})
    assert response["Content-Language"] == "de"
