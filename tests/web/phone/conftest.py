"""Fixtures: the browsers of a computer and a phone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.web.phone.actions import HOST


@pytest.fixture
def desktop() -> Client:
    """A guest's browser on a computer."""
    return Client(SERVER_NAME=HOST)


@pytest.fixture
def mobile() -> Client:
    """The browser of a phone without a session."""
    return Client(SERVER_NAME=HOST)


@pytest.fixture
def logged_in_owner(desktop: Client) -> User:
    """A user who is logged in on the computer."""
    user = User.objects.create_user("ada", password="x")
    desktop.force_login(user)
    return user
