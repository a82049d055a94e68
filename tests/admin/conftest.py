import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from ..batches.conftest import mia, noa, shelf  # noqa: F401 - fixtures
from ..lifecycle.conftest import desk, gateway  # noqa: F401 - as above

LIST = "admin:vton_tryonrequest_changelist"
Staff = Callable[..., Client]


@pytest.fixture
def staff(db: None) -> Staff:  # noqa: ARG001 - the fixture opens the database
    """A member of staff with the permission to view everything of the package, and those that are named."""

    def log_in(*permissions: str) -> Client:
        user = User.objects.create_user("vera", is_staff=True)
        ours = Permission.objects.filter(content_type__app_label="vton")
        views = ours.filter(codename__startswith="view_").exclude(codename="view_shopper_photos")
        user.user_permissions.set([*views, *ours.filter(codename__in=permissions)])
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def viewer(staff: Staff) -> Client:
    return staff()


@pytest.fixture
def boss(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def page(client: Client, name: str, *args: Any, **query: Any) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def text(html: str) -> str:
    """What a person reads."""
    main = html.partition('<div id="content"')[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def status(client: Client, address: str) -> int:
    """How a file's address answers."""
    response = client.get(address)
    if response.streaming:
        # Read to its end, a file is closed.
        assert b"".join(response.streaming_content)  # type: ignore[attr-defined]  # as the line above says
    return response.status_code


def told(client: Client, name: str, data: dict[str, Any], *args: Any) -> list[str]:
    """The messages after a POST."""
    response = client.post(reverse(name, args=args), data, follow=True)
    return [str(message) for message in response.context["messages"]]
