"""Every address of the package, and who gets what from it. A new one has to find its place here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from django_vton import urls
from django_vton.gateway import links
from django_vton.models import (
    Batch,
    BudgetPeriod,
    Consent,
    GatewayState,
    PauseSwitch,
    PersonPhoto,
    PhoneLink,
    PhotoAccess,
    ProductImage,
    Shopper,
    TryOnImage,
    TryOnRequest,
)
from django_vton.privacy import access_log
from django_vton.shoppers import SESSION_KEY
from tests.doors import TOKEN, asked, content, render, submit

if TYPE_CHECKING:
    from django.db.models import Model

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

OWN, LOOK, MINE, TOKENS, ANYONE, NOTHING = "own", "look", "mine", "tokens", "anyone", "nothing"
SHOP: dict[str, str] = {
    # By the id of a shopper's object: its owner's alone; to everybody else it was never there.
    "tryon": OWN,
    "cancel": OWN,
    "feedback": OWN,
    "photo": OWN,
    "result": OWN,
    "phone-link": OWN,
    "phone-code": OWN,
    # As those above, and for staff with `view_shopper_photos`.
    "image": LOOK,
    "photo-file": LOOK,
    # Without an id: whoever asks meets their own.
    "start": MINE,
    "tryons": MINE,
    "photos": MINE,
    "me": MINE,
    "consent": MINE,
    "phone": MINE,
    "try": MINE,
    "history": MINE,
    # Whoever knows the token, as only the vendor does, and a phone that read the code.
    "phone-page": TOKENS,
    "vendor-file": TOKENS,
    "callback": TOKENS,
    # The same for everybody.
    "dialog": ANYONE,
    "privacy": ANYONE,
    # Any other address below `api/`.
    "": NOTHING,
}

OWNERS: list[tuple[str, str, int]] = [
    # What the owner does with each, to its end; 409 is about the state, so they were let in.
    ("tryon", "GET", 200),
    ("result", "GET", 200),
    ("image", "GET", 200),
    ("photo-file", "GET", 200),
    ("phone-link", "GET", 200),
    ("phone-code", "GET", 200),
    ("feedback", "PUT", 200),
    ("cancel", "POST", 409),
    ("photo", "DELETE", 204),
    ("tryon", "DELETE", 204),
]

ADMIN: dict[str, dict[str, int]] = {
    # What staff get who may view all rows, and nothing else.
    "batch": {
        "changelist": 200, "change": 200, "history": 200, "progress": 200, "review": 200,
        "add": 403, "delete": 403, "products": 403, "cancel": 403, "retry": 403,
        "discard": 405, "pause": 405, "resume": 405, "publish": 405,
    },
    "budgetperiod": {"changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403},
    "conversion": {"changelist": 200},
    "figures": {"days": 200, "feedback": 200},
    "gatewaystate": {"changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403},
    "housemodel": {"changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403},
    "incident": {"changelist": 403},
    "invoice": {"": 200, "file": 200},
    "look": {"changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403},
    "pauseswitch": {"changelist": 302, "change": 200, "history": 200, "add": 302, "delete": 403},
    "productimage": {"changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403},
    "state": {"": 403},
    "tryonrequest": {
        "changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403,
        "adopt": 405, "not-charged": 405, "write-off": 405,
    },
}  # fmt: skip


def names(patterns: list[Any]) -> Iterator[str]:
    for it in patterns:
        if isinstance(it, URLResolver):
            yield from names(it.url_patterns)
        elif isinstance(it, URLPattern):
            yield it.name or ""


def admin_names() -> set[str]:
    return {name for name in names(admin.site.urls[0]) if name.startswith("vton_")}


def classified() -> set[str]:
    return {f"vton_{model}_{view}".rstrip("_") for model, views in ADMIN.items() for view in views}


def test_every_address_is_classified_and_every_class_has_an_address() -> None:
    assert set(names(urls.urlpatterns)) == set(SHOP)
    assert admin_names() == classified()


# The shop's side ------------------------------------------------------------------------------------


@pytest.fixture
def done(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """The owner's, with a kept photo and a link to a phone."""
    row = render(asked(guest, shirt, phone_photo(), keep_photo="true"))
    _link(row)
    return row


@pytest.fixture
def visitor(
    request: pytest.FixtureRequest, done: TryOnRequest, shirt: Product, phone_photo: PhotoMaker
) -> Client:
    """Somebody else; `request.param` says who."""
    assert done.shopper
    client = Client()
    match request.param:
        case "stranger":
            return client
        case "another guest":
            asked(client, shirt, phone_photo(shade=1))
            return client
        case "a guest with a made-up token":
            session = client.session
            session[SESSION_KEY] = done.shopper.token_hash
            session.save()
            client.cookies["sessionid"] = session.session_key or ""
            return client
    user = get_user_model().objects.create_user(request.param, is_staff="staff" in request.param)
    ours = Permission.objects.filter(content_type__app_label="vton")
    allowed = ours.filter(codename="view_shopper_photos")
    match request.param:
        case "staff without the permission":
            user.user_permissions.set(ours.exclude(codename="view_shopper_photos"))
        case "staff with the permission":
            user.user_permissions.set(ours)
        case "a customer with the permission":
            user.user_permissions.set(allowed)
    client.force_login(user)
    if request.param == "another user":
        asked(client, shirt, phone_photo(shade=2))
    return client


OTHERS = [
    "stranger",
    "another guest",
    "another user",
    "a guest with a made-up token",
    "a customer with the permission",
    "staff without the permission",
    "staff with the permission",
]
others = pytest.mark.parametrize("visitor", OTHERS, indirect=True)


def address(name: str, row: TryOnRequest) -> str:
    """Of the owner's object, where it is about one."""
    if name == "":
        return reverse("vton:tryons") + "nowhere/"
    args: dict[str, list[Any]] = {
        "photo": [row.photo_id],
        "photo-file": [row.photo_id],
        "image": [image.pk for image in row.images.all()],
        "try": [row.product],
        "phone-page": [TOKEN],
        "vendor-file": [TOKEN],
        "callback": [TOKEN],
    }
    if name in {"phone-link", "phone-code"}:
        args[name] = [_link(row).pk]
    needs_id = SHOP[name] in {OWN, LOOK}
    return reverse(f"vton:{name}", args=args.get(name, [row.pk] if needs_id else []))


def _link(row: TryOnRequest) -> PhoneLink:
    """A code that the owner has asked for; an unknown one, where there is no owner any more."""
    if row.shopper is None:
        return PhoneLink()
    later = timezone.now() + timedelta(minutes=10)
    values = {"product": row.product, "token_hash": "of the owner's", "expires_at": later}
    link, _created = PhoneLink.objects.get_or_create(shopper=row.shopper, defaults=values)
    return link


def forged(row: TryOnRequest) -> dict[str, str]:
    """A body that would do the most harm at any of these addresses."""
    photo = str(row.photo_id)
    harm = {"action": "erase", "photo": photo, "photo_id": photo, "value": "dislike", "id": str(row.pk)}
    return harm | {
        "product": row.product,
        "consent": "true",
        "key": str(row.pk),
        "shopper": str(row.shopper_id),
    }


def send(client: Client, method: str, url: str, row: TryOnRequest) -> tuple[int, bytes, str]:
    """Status and body of the answer, and all that was sent."""
    sent = json.dumps(forged(row))
    if method in {"GET", "HEAD", "OPTIONS"}:
        sent = f"product={row.product}&confirm=erase&lang=en"  # No id of theirs: they must not learn it.
        response: Any = client.generic(method, url, QUERY_STRING=sent)
    elif method == "POST":
        response = client.post(url, forged(row))
    else:
        response = client.generic(method, url, sent, "application/json")
    body = content(response) if response.streaming else response.content
    return response.status_code, body, url + sent


def rows(shopper: Shopper) -> list[Any]:
    """All that is the owner's, as the database has it."""
    found: list[Any] = list(Shopper.objects.filter(pk=shopper.pk).values())
    mine: list[tuple[type[Model], str]] = [
        (TryOnRequest, "shopper"),
        (PersonPhoto, "shopper"),
        (Consent, "shopper"),
        (PhoneLink, "shopper"),
        (TryOnImage, "request__shopper"),
    ]
    for model, field in mine:
        found += model._default_manager.filter(**{field: shopper}).order_by("pk").values()
    return found


def told(row: TryOnRequest, body: bytes, sent: str) -> set[str]:
    """Ids of the owner's that the answer knows and the caller did not."""
    pictures = row.images.values_list("pk", flat=True)
    return {
        str(pk)
        for pk in (row.pk, row.photo_id, *pictures)
        if str(pk).encode() in body and str(pk) not in sent
    }


@others
def test_nobody_else_sees_or_changes_what_is_a_shoppers(
    visitor: Client, done: TryOnRequest, request: Any
) -> None:
    assert done.shopper
    before = rows(done.shopper)
    may_look = request.node.callspec.params["visitor"] == "staff with the permission"
    for name, method in itertools.product(SHOP, METHODS):
        status, body, sent = send(visitor, method, address(name, done), done)
        where = (name, method, status, body[:200])
        if SHOP[name] == LOOK and may_look:
            assert status == (200 if method in {"GET", "HEAD"} else 405), where
        elif SHOP[name] in {OWN, LOOK, TOKENS, NOTHING}:
            assert status in {404, 405}, where
        else:
            assert status in {200, 201, 204, 303, 400, 404, 405}, where
        assert not told(done, body, sent), where
    assert rows(done.shopper) == before
    assert not done.photo or done.photo.try_ons.get() == done
    assert PhotoAccess.objects.exists() == may_look


def test_the_owner_is_let_in_at_each(guest: Client, done: TryOnRequest) -> None:
    assert {name for name, _method, _status in OWNERS} == {
        n for n, kind in SHOP.items() if kind in {OWN, LOOK}
    }
    for name, method, expected in OWNERS:
        status, body, _sent = send(guest, method, address(name, done), done)
        assert status == expected, (name, method, status, body[:200])
    done.refresh_from_db()
    assert done.erased_at is not None


def test_what_is_erased_is_nobodys(guest: Client, done: TryOnRequest, admin_client: Client) -> None:
    where = {name: address(name, done) for name, kind in SHOP.items() if kind in {OWN, LOOK}}
    assert guest.delete(reverse("vton:me")).status_code == 204
    for client, (name, url) in itertools.product((guest, admin_client), where.items()):
        for method in METHODS:
            status, _body, _sent = send(client, method, url, TryOnRequest(pk=done.pk, product=done.product))
            assert status in {404, 405}, (name, method)


@others
def test_only_the_vendors_token_opens_its_doors(
    visitor: Client, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = asked(guest, shirt, phone_photo(shade=3))
    attempt = submit(row)
    assert row.photo
    assert row.product_image
    [(token, _)] = links.create_links([attempt])
    assert visitor.get(reverse("vton:vendor-file", args=[TOKEN])).status_code == 404
    assert visitor.post(reverse("vton:callback", args=[token])).status_code == 404
    # Whoever has it, has it: it is the vendor's only proof.
    assert content(visitor.get(reverse("vton:vendor-file", args=[token])))
    assert visitor.post(reverse("vton:callback", args=[TOKEN])).status_code == 200


# The staff's side -----------------------------------------------------------------------------------


@pytest.fixture
def objects(done: TryOnRequest, house_model: PersonPhoto) -> dict[str, Any]:
    """The key of a row for each of the admin's pages."""
    access_log.record(get_user_model().objects.create_user("eve"), done.images.get())
    return {
        "batch": Batch.objects.create(status=Batch.Status.RUNNING).pk,
        "budgetperiod": BudgetPeriod.objects.all()[:1].get().pk,
        "gatewaystate": GatewayState.objects.create(engine="fashn-v1.6").pk,
        "housemodel": house_model.pk,
        "look": PhotoAccess.objects.get().pk,
        "pauseswitch": PauseSwitch.objects.create(pk=1).pk,
        "productimage": ProductImage.objects.get().pk,
        "tryonrequest": done.pk,
    }


def admin_addresses(objects: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    for model, views in ADMIN.items():
        for view, expected in views.items():
            name = f"vton_{model}_{view}".rstrip("_")
            args = [] if view in {"", "add", "changelist", "days", "feedback", "file"} else [objects[model]]
            yield name, reverse(f"admin:{name}", args=args), expected


@pytest.mark.parametrize(
    "visitor",
    ["stranger", "a customer with the permission", "staff without the permission"],
    indirect=True,
)
def test_the_admin_is_for_staff(
    visitor: Client, objects: dict[str, Any], done: TryOnRequest, request: Any
) -> None:
    if "staff" in request.node.callspec.params["visitor"]:
        get_user_model().objects.get(username__startswith="staff").user_permissions.clear()
    assert done.shopper
    before = rows(done.shopper)
    for (name, url, _expected), method in itertools.product(admin_addresses(objects), METHODS):
        status, body, sent = send(visitor, method, url, done)
        assert status in {302, 403, 405}, (name, method, status)
        assert not told(done, body, sent), (name, method)
    assert rows(done.shopper) == before


def test_staff_who_may_view_rows_see_no_shoppers_picture(objects: dict[str, Any], done: TryOnRequest) -> None:
    user = get_user_model().objects.create_user("vera", is_staff=True)
    views = Permission.objects.filter(content_type__app_label="vton", codename__startswith="view_")
    user.user_permissions.set(views.exclude(codename="view_shopper_photos"))
    client = Client()
    client.force_login(user)
    assert done.shopper
    before = rows(done.shopper)
    pictures = {str(done.photo_id).encode(), *(str(image.pk).encode() for image in done.images.all())}
    for name, url, expected in admin_addresses(objects):
        response = client.get(url)
        assert response.status_code == expected, (name, response.status_code)
        shown = content(response)
        assert not [pk for pk in pictures if pk in shown], name
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            status, body, sent = send(client, method, url, done)
            assert status in {200, 302, 403, 405}, (name, method)
            assert not told(done, body, sent), (name, method)
    assert rows(done.shopper) == before
    assert PhotoAccess.objects.count() == 1
