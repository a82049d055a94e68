"""Summarize a finished batch for people who were not watching: numbers, reasons, cost and a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min
from django.urls import NoReverseMatch
from django.utils.translation import gettext as _

from ..conf import MICROS_PER_USD
from ..gateway import links
from ..models import Batch, BatchRender
from ..models.states import ERROR_LABELS, State
from ..utils.money import format_usd
from .progress import Progress, progress


@dataclass(frozen=True)
class Reason:
    """Why some renders failed or were not made."""

    code: str
    text: str
    number: int


@dataclass(frozen=True)
class Summary:
    """What is told of a finished batch, in the active language."""

    batch: Batch
    progress: Progress
    failures: list[Reason]
    refusals: list[Reason]
    """Why renders were not possible, each with one of the problems as an example."""
    url: str
    """The batch's page in the admin, or "" if the admin is not installed."""

    @property
    def skipped(self) -> int:
        """The number of renders that were not possible or were canceled."""
        return self.progress.refused + self.progress.canceled

    @property
    def title(self) -> str:
        """The subject of the mail."""
        numbers = {"done": self.progress.completed, "total": self.progress.total, "batch": self.batch}
        return _("“%(batch)s” is finished: %(done)d of %(total)d renders") % numbers

    @property
    def mail_text(self) -> str:
        """The text of the mail."""
        paragraphs = [
            _("%(products)d products, %(renders)d renders, of which %(shared)d existed. Cost: %(cost)s.")
            % {
                "products": self.batch.product_count,
                "renders": self.progress.total,
                "shared": self.progress.shared,
                "cost": format_usd(self.progress.spent),
            },
            *self._lists(),
            _("Review and publish: %(url)s") % {"url": self.url} if self.url else "",
        ]
        return "\n\n".join(filter(None, paragraphs)) + "\n"

    def _lists(self) -> list[str]:
        counts = [
            (_("Failed: %(n)d"), self.progress.failed, self.failures),
            (_("Skipped: %(n)d"), self.skipped, self.refusals),
        ]
        return [
            "\n".join([title % {"n": n}, *(f"- {reason.number} × {reason.text}" for reason in reasons)])  # noqa: RUF001 - the sign that people read
            for title, n, reasons in counts
            if n
        ]

    @property
    def chat_text(self) -> str:
        """One line for a chat. Slack gives a meaning to three characters, which a name may contain."""
        parts = [self.title, *self._lists(), format_usd(self.progress.spent), self.url]
        text = " · ".join(part.replace("\n", " ") for part in parts if part)
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def as_json(self) -> dict[str, Any]:
        """Return the numbers for the webhook."""
        return {
            "id": self.batch.pk,
            "name": str(self.batch),
            "url": self.url,
            "products": self.batch.product_count,
            "renders": self.progress.total,
            "completed": self.progress.completed,
            "shared": self.progress.shared,
            "failed": self.progress.failed,
            "failures": [vars(reason) for reason in self.failures],
            "skipped": self.skipped,
            "refusals": [vars(reason) for reason in self.refusals],
            "cost_usd": f"{self.progress.spent / MICROS_PER_USD:.6f}",
        }


def summarize(batch: Batch) -> Summary:
    """Return the summary of a finished batch."""
    failed = batch.renders.filter(status=BatchRender.Status.REQUESTED, request__state=State.FAILED).order_by()
    failures = [
        Reason(code, str(ERROR_LABELS.get(code, code)), number)
        for code, number in failed.values_list("request__error_code").annotate(number=Count("pk"))
    ]
    refused = batch.renders.filter(status=BatchRender.Status.REFUSED).order_by().values_list("refusal_code")
    refusals = [Reason(*row) for row in refused.annotate(text=Min("problem"), number=Count("pk"))]
    try:
        url = links.shop_url("admin:vton_batch_change", batch.pk)
    except NoReverseMatch:
        url = ""
    return Summary(batch, progress(batch), failures, refusals, url)
