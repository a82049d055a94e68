"""The owner of a try-on, and other visitors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from django_vton.shoppers import SESSION_KEY
from tests.tryons import complete_tryon, create_tryon

from .helpers import get_phone_link

if TYPE_CHECKING:
    from django_vton.models import (
        TryOnRequest,
    )
    from shop.models import Product
    from tests.conftest import PhotoMaker


@pytest.fixture
def done(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """A completed try-on of the owner, with a kept photo and a link for a phone."""
    row = complete_tryon(create_tryon(guest, shirt, phone_photo(), keep_photo="true"))
    get_phone_link(row)
    return row


@pytest.fixture
def visitor(
    request: pytest.FixtureRequest, done: TryOnRequest, shirt: Product, phone_photo: PhotoMaker
) -> Client:
    """A visitor who is not the owner, named by `request.param`."""
    assert done.shopper
    client = Client()
    match request.param:
        case "stranger":
            return client
        case "another guest":
            create_tryon(client, shirt, phone_photo(shade=1))
            return client
        case "a guest with a made-up token":
            session = client.session
            session[SESSION_KEY] = done.shopper.token_hash
            session.save()
            client.cookies["sessionid"] = session.session_key or ""
            return client
    user = get_user_model().objects.create_user(request.param, is_staff="staff" in request.param)
    permissions = Permission.objects.filter(content_type__app_label="vton")
    allowed = permissions.filter(codename="view_shopper_photos")
    match request.param:
        case "staff without the permission":
            user.user_permissions.set(permissions.exclude(codename="view_shopper_photos"))
        case "staff with the permission":
            user.user_permissions.set(permissions)
        case "a customer with the permission":
            user.user_permissions.set(allowed)
    client.force_login(user)
    if request.param == "another user":
        create_tryon(client, shirt, phone_photo(shade=2))
    return client
