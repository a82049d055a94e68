"""The base classes and the permission checks of the package's admin pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.text import capfirst

from .conflicts import answer_conflicts

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
else:
    Admin = admin.ModelAdmin


class StyledAdmin(Admin):
    """An admin with the package's style sheet, which answers conflicts of transactions in words."""

    class Media:
        css = {"all": ["vton/admin.css"]}

    @property
    def urls(self) -> list[URLPattern]:
        """Return the URLs of all pages, those of subclasses included."""
        return [
            URLPattern(url.pattern, answer_conflicts(self, url.callback), url.default_args, url.name)
            if isinstance(url, URLPattern)
            else url
            for url in super().urls
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the plural name as the title instead of "Select ... to view"."""
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """Render a template of `admin/vton/` with the context that the admin's base template needs."""
        request.current_app = self.admin_site.name
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/vton/{template}.html", common | context)


class ReadOnlyAdmin(StyledAdmin):
    """An admin for rows that only the package writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False for everyone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False for everyone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False for everyone."""
        return False


def can_operate(request: HttpRequest) -> bool:
    """Return whether the user may cancel, erase and pause, and resolve unknown outcomes."""
    return bool(request.user.has_perm("vton.operate"))


def can_spend(request: HttpRequest) -> bool:
    """Return whether the user may start paid renders."""
    return bool(request.user.has_perm("vton.spend"))


def can_publish(request: HttpRequest) -> bool:
    """Return whether the user may review renders, and publish and unpublish them."""
    return bool(request.user.has_perm("vton.change_batch"))


def can_view_shopper_photos(request: HttpRequest) -> bool:
    """Return whether the user may view shoppers' photos and results. By default, staff may not."""
    return bool(request.user.has_perm("vton.view_shopper_photos"))
