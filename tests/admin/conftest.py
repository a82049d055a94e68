import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from django_vton.models import TryOnRequest

from ..batches.conftest import mia, noa, runner  # noqa: F401 - fixtures
from ..lifecycle.conftest import gateway, harness  # noqa: F401 - as above

LIST = "admin:vton_tryonrequest_changelist"
Staff = Callable[..., Client]


@pytest.fixture
def staff(db: None) -> Staff:  # noqa: ARG001 - the fixture opens the database
    """Return a function that logs in a user with all view permissions of the package and the given ones."""

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
def merchant(staff: Staff) -> Client:
    """Log in a user who may spend and change batches."""
    return staff("spend", "change_batch")


@pytest.fixture
def superuser(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def get_page(client: Client, name: str, *args: Any, **query: Any) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def visible_text(html: str) -> str:
    """Return the text of the main content, without markup."""
    content = html.partition('<div id="content"')[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", content)).split())


def get_status(client: Client, url: str) -> int:
    """Return the status code of a file's URL."""
    response = client.get(url)
    if response.streaming:
        # Reading to the end closes the file.
        assert b"".join(response.streaming_content)  # type: ignore[attr-defined]  # checked above
    return response.status_code


def post_messages(client: Client, name: str, data: dict[str, Any], *args: Any) -> list[str]:
    """POST the data, and return the messages of the page that follows."""
    response = client.post(reverse(name, args=args), data, follow=True)
    return [str(message) for message in response.context["messages"]]


def action_data(action: str, *requests: TryOnRequest, **more: Any) -> dict[str, Any]:
    """Return the form data of an admin action on these try-ons."""
    return {"action": action, "_selected_action": [str(request.pk) for request in requests], **more}
