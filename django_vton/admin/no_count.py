"""A change list that never counts its rows, for a very large table."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.http import HttpRequest


class NoCountChangeList(ChangeList):
    """A change list with links to newer and older rows instead of page numbers.

    To know whether there are older rows, it reads one key more than a page holds. It reads the keys first,
    from an index alone, so the database never reads the rows of newer pages. "Select all" is limited to the
    page, since the total is unknown.
    """

    def get_results(self, request: HttpRequest) -> None:
        """Set the rows of this page and the URLs of the pages before and after it."""
        start = (self.page_num - 1) * self.list_per_page
        if start < 0:
            raise IncorrectLookupParameters
        keys = list(self.queryset.values_list("pk", flat=True)[start : start + self.list_per_page + 1])
        if not keys and start:
            raise IncorrectLookupParameters
        rows = self.root_queryset.in_bulk(keys[: self.list_per_page])
        self.result_list: Any = [rows[key] for key in keys if key in rows]
        self.result_count = len(self.result_list)
        # If the two counts differed, Django would show both with a link to show all rows.
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.paginator(self.result_list, self.list_per_page)
        has_older = len(keys) > self.list_per_page
        self.newer_url = self.get_query_string({PAGE_VAR: self.page_num - 1}) if start else ""
        self.older_url = self.get_query_string({PAGE_VAR: self.page_num + 1}) if has_older else ""
