"""Delete house models. The confirmation names their published renders, and offers to unpublish them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import privacy
from ..batches.publishing import unpublish_all
from ..models import HouseModel, PersonPhoto, Publication
from . import display
from .base import StyledAdmin

MAX_LISTED = 20
"""The maximum number of published renders that the confirmation names."""

UNPUBLISH_SECONDS = 20.0
"""The time after which a request stops to unpublish. What remains needs another confirmation."""


class HouseModelDeletion(StyledAdmin):
    """The confirmation page of one house model, and of the action on several."""

    delete_confirmation_template = "admin/vton/housemodel/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/vton/housemodel/delete_selected_confirmation.html"
    actions = ["delete_selected"]

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name the published renders, and unpublish them before the deletion if the user asks for it."""
        photo = self.get_object(request, unquote(object_id))
        if photo is not None and self.has_delete_permission(request, photo):
            if not self._unpublish(request, [photo]):
                return self._redirect("change", object_id)
            extra_context = {**(extra_context or {}), "published": _published([photo])}
        return super().delete_view(request, object_id, extra_context)

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s"))
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[HouseModel]) -> HttpResponse | None:
        """Do the same for several house models."""
        if not self._unpublish(request, queryset):
            return self._redirect("changelist")
        response = delete_selected(self, request, queryset)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data["published"] = _published(queryset)
        return response

    def delete_model(self, request: HttpRequest, obj: HouseModel) -> None:
        """Delete the photo and its files, and cancel its active renders."""
        privacy.delete_photo(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[HouseModel]) -> None:
        """Delete the photos and their files, and cancel their active renders."""
        for photo in queryset:
            privacy.delete_photo(photo)

    def _unpublish(self, request: HttpRequest, photos: Iterable[PersonPhoto]) -> bool:
        """Unpublish the renders if the confirmation says so. Return False if some are still in the shop."""
        if request.method != "POST" or "post" not in request.POST or "unpublish" not in request.POST:
            return True
        publications = Publication.objects.on_house_models(photos)
        removed, problem = unpublish_all(publications, seconds=UNPUBLISH_SECONDS)
        if removed:
            text = ngettext(
                "%(n)d published render was removed from the shop.",
                "%(n)d published renders were removed from the shop.",
                removed,
            )
            messages.success(request, text % {"n": removed})
        if not publications.exists():
            return True
        text = _(
            "Some renders are still in the shop, so nothing was deleted. Please delete again to continue."
        )
        messages.error(request, f"{text} {problem}".strip())
        return False

    def _redirect(self, name: str, *args: Any) -> HttpResponse:
        url = reverse(f"admin:vton_housemodel_{name}", args=args, current_app=self.admin_site.name)
        return HttpResponseRedirect(url)


def _published(photos: Iterable[PersonPhoto]) -> dict[str, Any] | None:
    """Return the context of `published.html`, or None if no render on these photos is published."""
    rows = (
        Publication.objects.on_house_models(photos).select_related("image__request").order_by("product", "pk")
    )
    number = rows.count()
    if not number:
        return None
    links = [display.product_link(row.product, row.image.request.product_title) for row in rows[:MAX_LISTED]]
    return {
        "number": number,
        "links": links,
        "unlisted": number - len(links),
        "action_name": helpers.ACTION_CHECKBOX_NAME,
    }
