"""Answer in words if another transaction has changed or locked the same rows as a page of the admin."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ..utils import database

View = Callable[..., HttpResponse]

PAGES = ("add", "change", "changelist", "delete", "import", "products", "review")
"""The last words of the URL names of pages with a form. The other views only answer a button."""


def answer_conflicts(page: admin.ModelAdmin[Any], view: View) -> View:
    """Decorate a view: read again after a conflict, and tell staff if it has ended a change.

    A change is not repeated here, since views also write files, call the vendor and commit in steps.
    `database.retry` repeats the transactions that can be repeated. Django's own, such as that of a change
    form, contain the shop's code.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_read = request.method in ("GET", "HEAD")
        try:
            return (database.retry(view) if is_read else view)(request, *args, **kwargs)
        except Exception as error:
            if not database.is_conflict(error):
                raise
        database.roll_back_request()
        text = _(
            "This was not completed, because the same data was being changed elsewhere. Please check it, and "
            "try again."
        )
        if is_read:
            response = HttpResponse(text, content_type="text/plain", status=503)
        elif request.headers.get("Accept") == "application/json":
            response = JsonResponse({"problem": text}, status=503)
        else:
            messages.error(request, text)
            return HttpResponseRedirect(_page_url(page, request, kwargs))
        response["Retry-After"] = str(database.RETRY_AFTER_SECONDS)
        return response

    return answered


def _page_url(page: admin.ModelAdmin[Any], request: HttpRequest, kwargs: dict[str, Any]) -> str:
    """Return the URL of the page with the form or the button."""
    match = request.resolver_match
    if match is not None and str(match.url_name).rpartition("_")[2] in PAGES:
        return request.get_full_path()
    name = f"admin:{page.opts.app_label}_{page.opts.model_name}"
    pk = kwargs.get("pk", kwargs.get("object_id"))
    name, pks = (f"{name}_changelist", []) if pk is None else (f"{name}_change", [pk])
    return reverse(name, args=pks, current_app=page.admin_site.name)
