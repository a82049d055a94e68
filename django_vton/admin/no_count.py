"""A list of a very large table: one page at a time, and never a count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList

if TYPE_CHECKING:
    from django.http import HttpRequest


class NoCountChangeList(ChangeList):
    """Newer and older in place of page numbers: one row more than is shown tells whether there are older.

    First the keys of a page, from an index alone, then its rows: those that are skipped are never put
    together. "Select all" ends with the page, since nobody knows how many that would be.
    """

    def get_results(self, request: HttpRequest) -> None:
        """The rows of this page, and where the neighbours are."""
        start = (self.page_num - 1) * self.list_per_page
        if start < 0:
            raise IncorrectLookupParameters
        keys = list(self.queryset.values_list("pk", flat=True)[start : start + self.list_per_page + 1])
        if not keys and start:
            raise IncorrectLookupParameters
        rows = self.root_queryset.in_bulk(keys[: self.list_per_page])
        self.result_list: Any = [rows[key] for key in keys if key in rows]
        self.result_count = len(self.result_list)
        # Two numbers that differ would be shown, with a link to show all.
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.paginator(self.result_list, self.list_per_page)
        self.newer = self._address(self.page_num - 1) if start else ""
        self.older = self._address(self.page_num + 1) if len(keys) > self.list_per_page else ""

    def _address(self, number: int) -> str:
        return self.get_query_string({PAGE_VAR: number})
