"""Helpers for tests of image files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

if TYPE_CHECKING:
    from django_vton.models import TryOnRequest

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "none",
}


def image_url(row: TryOnRequest) -> str:
    return reverse("vton:image", args=[row.images.get().pk])


def photo_url(row: TryOnRequest) -> str:
    return reverse("vton:photo-file", args=[row.photo_id])


def staff_client(*permissions: str, name: str = "eve") -> Client:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client
