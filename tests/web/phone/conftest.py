"""A computer and a phone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.web.phone.steps import HOST


@pytest.fixture
def desktop() -> Client:
    """The browser of a guest at a computer."""
    return Client(SERVER_NAME=HOST)


@pytest.fixture
def mobile() -> Client:
    """The browser of a phone that has never been here."""
    return Client(SERVER_NAME=HOST)


@pytest.fixture
def ada(desktop: Client) -> User:
    """The same computer, where somebody is logged in."""
    user = User.objects.create_user("ada", password="x")
    desktop.force_login(user)
    return user
