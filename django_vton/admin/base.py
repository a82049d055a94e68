"""What the package's admin pages share: styles, read-only access, confirmation pages and permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.template.response import TemplateResponse
from django.utils.text import capfirst

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from ..models import TryOnRequest

    Admin = admin.ModelAdmin[Any]
else:
    Admin = admin.ModelAdmin


class StyledAdmin(Admin):
    """An admin with the package's style sheet."""

    class Media:
        css = {"all": ["vton/admin.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the plural name as the title instead of "Select ... to view"."""
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


class ReadOnlyAdmin(StyledAdmin):
    """An admin for rows that only the package writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never allowed."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never allowed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never allowed."""
        return False


def confirmation_page(
    admin: Admin, request: HttpRequest, tryons: Iterable[TryOnRequest], **context: Any
) -> TemplateResponse:
    """Return a page whose form posts `confirmed` to the same URL.

    `context` has the `title`, `question`, `answer` and `cancel_url`, and for an action its name (`action`)
    and the `checkbox_name`.
    """
    common = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "tryons": tryons,
    }
    return TemplateResponse(request, "admin/vton/tryonrequest/confirm_action.html", common | context)


def can_operate(request: HttpRequest) -> bool:
    """Whether the user may cancel, erase and pause, and resolve unknown outcomes."""
    return bool(request.user.has_perm("vton.operate"))


def can_spend(request: HttpRequest) -> bool:
    """Whether the user may start paid renders."""
    return bool(request.user.has_perm("vton.spend"))


def can_view_shopper_photos(request: HttpRequest) -> bool:
    """Whether the user may view shoppers' photos and results. Staff may not by default."""
    return bool(request.user.has_perm("vton.view_shopper_photos"))
