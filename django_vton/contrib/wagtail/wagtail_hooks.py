"""A menu item of Wagtail's admin that leads to the try-on pages of Django's admin."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem


class TryOnMenuItem(MenuItem):  # type: ignore[misc] # Wagtail has no types
    """Shown to staff who may see try-ons or batches in Django's admin, if the site has it."""

    def is_shown(self, request: Any) -> bool:
        """Whether the item leads anywhere for this user."""
        return bool(self.url) and request.user.is_staff and request.user.has_module_perms("vton")


@hooks.register("register_admin_menu_item")  # type: ignore[untyped-decorator] # Wagtail has no types
def tryon_menu_item() -> TryOnMenuItem:
    """The item."""
    try:
        url = reverse("admin:app_list", args=["vton"])
    except NoReverseMatch:
        url = ""
    return TryOnMenuItem(_("Virtual try-on"), url, name="vton", icon_name="view", order=1000)
