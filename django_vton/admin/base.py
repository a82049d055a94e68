"""What the package's admin pages share: looking without touching, and who may look at whom."""

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
    """A page with the package's style sheet."""

    class Media:
        css = {"all": ["vton/admin.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, called by what it shows instead of "Select ... to view"."""
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


class ReadOnlyAdmin(StyledAdmin):
    """Rows that the package alone writes: staff look, and nobody adds, changes or deletes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


def confirmation(
    admin: Admin, request: HttpRequest, try_ons: Iterable[TryOnRequest], **words: Any
) -> TemplateResponse:
    """The page that asks before something happens: its yes comes back to the same address, `confirmed`.

    `words` are title, question and answer, the address `back` for a no, and what an action needs besides.
    """
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "try_ons": try_ons,
        **words,
    }
    return TemplateResponse(request, "admin/vton/tryonrequest/confirm.html", context)


def may_operate(request: HttpRequest) -> bool:
    """Whether this member of staff may cancel, erase, pause, and settle what is in doubt."""
    return bool(request.user.has_perm("vton.operate"))


def may_spend(request: HttpRequest) -> bool:
    """Whether this member of staff may start what is paid."""
    return bool(request.user.has_perm("vton.spend"))


def may_see_shoppers(request: HttpRequest) -> bool:
    """Whether this member of staff may look at shoppers' photos and results. The default is not to."""
    return bool(request.user.has_perm("vton.view_shopper_photos"))
