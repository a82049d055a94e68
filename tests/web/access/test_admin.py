"""What staff may see and do in the admin. Every admin page must be classified in `ADMIN_VIEWS`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from django_vton.models import (
    Batch,
    BatchRule,
    PauseSwitch,
    PersonPhoto,
    PhotoAccess,
    ProductCheck,
    TryOnRequest,
)
from django_vton.privacy import access_log
from tests.tryons import read_stream

from .helpers import METHODS, leaked_ids, send_request, stored_rows, url_names

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

ADMIN_VIEWS: dict[str, dict[str, int]] = {
    # The status of a GET for staff who may only view all rows.
    "batch": {
        "changelist": 200, "change": 200, "history": 200, "progress": 200, "review": 200,
        "add": 403, "delete": 403, "products": 403, "cancel": 403, "retry": 403,
        "discard": 405, "pause": 405, "resume": 405, "rerender": 405, "publish": 405,
    },
    "batchrule": {"changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403},
    "conversion": {"changelist": 200},
    "reports": {"days": 200, "feedback": 200},
    "housemodel": {
        "changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403, "import": 403,
    },
    "incident": {"changelist": 403},
    "invoice": {"": 200, "csv": 200},
    "photoaccess": {"changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403},
    "pauseswitch": {"changelist": 302, "change": 200, "history": 200, "add": 302, "delete": 403},
    "productcheck": {"changelist": 200},
    "health": {"": 403},
    "tryonrequest": {
        "changelist": 200, "change": 200, "history": 200, "add": 403, "delete": 403,
        "adopt": 405, "withdraw": 405, "not-charged": 405, "write-off": 405,
    },
}  # fmt: skip


def admin_url_names() -> set[str]:
    return {name for name in url_names(admin.site.urls[0]) if name.startswith("vton_")}


def classified_admin_names() -> set[str]:
    return {f"vton_{model}_{view}".rstrip("_") for model, views in ADMIN_VIEWS.items() for view in views}


def test_every_admin_page_is_classified() -> None:
    assert admin_url_names() == classified_admin_names()


@pytest.fixture
def objects(done: TryOnRequest, house_model: PersonPhoto) -> dict[str, Any]:
    """The primary key of a row for each admin page."""
    access_log.record_access(get_user_model().objects.create_user("eve"), done.images.get())
    return {
        "batch": Batch.objects.create(status=Batch.Status.RUNNING).pk,
        "batchrule": BatchRule.objects.create(name="New", daily_budget=1).pk,
        "housemodel": house_model.pk,
        "photoaccess": PhotoAccess.objects.get().pk,
        "pauseswitch": PauseSwitch.objects.create(pk=1).pk,
        "productcheck": ProductCheck.objects.create(product="shop.product:42", problem="too small").pk,
        "tryonrequest": done.pk,
    }


def admin_urls(objects: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    for model, views in ADMIN_VIEWS.items():
        for view, expected in views.items():
            name = f"vton_{model}_{view}".rstrip("_")
            args = (
                []
                if view in {"", "add", "import", "changelist", "days", "feedback", "csv"}
                else [objects[model]]
            )
            yield name, reverse(f"admin:{name}", args=args), expected


@pytest.mark.parametrize(
    "visitor",
    ["stranger", "a customer with the permission", "staff without the permission"],
    indirect=True,
)
def test_only_staff_can_use_the_admin(
    visitor: Client, objects: dict[str, Any], done: TryOnRequest, request: Any
) -> None:
    if "staff" in request.node.callspec.params["visitor"]:
        get_user_model().objects.get(username__startswith="staff").user_permissions.clear()
    assert done.shopper
    before = stored_rows(done.shopper)
    for (name, url, _expected), method in itertools.product(admin_urls(objects), METHODS):
        status, body, sent = send_request(visitor, method, url, done)
        assert status in {302, 403, 405}, (name, method, status)
        assert not leaked_ids(done, body, sent), (name, method)
    assert stored_rows(done.shopper) == before


def test_staff_who_may_view_rows_see_no_shoppers_images(objects: dict[str, Any], done: TryOnRequest) -> None:
    user = get_user_model().objects.create_user("vera", is_staff=True)
    permissions = Permission.objects.filter(content_type__app_label="vton", codename__startswith="view_")
    user.user_permissions.set(permissions.exclude(codename="view_shopper_photos"))
    client = Client()
    client.force_login(user)
    assert done.shopper
    before = stored_rows(done.shopper)
    image_ids = {str(done.photo_id).encode(), *(str(image.pk).encode() for image in done.images.all())}
    for name, url, expected in admin_urls(objects):
        response = client.get(url)
        assert response.status_code == expected, (name, response.status_code)
        shown = read_stream(response)
        assert not [pk for pk in image_ids if pk in shown], name
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            status, body, sent = send_request(client, method, url, done)
            assert status in {200, 302, 403, 405}, (name, method)
            assert not leaked_ids(done, body, sent), (name, method)
    assert stored_rows(done.shopper) == before
    assert PhotoAccess.objects.count() == 1
