"""A text for staff about a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """The text about a problem: what happened, what it costs and what to do."""

    title: str
    paragraphs: Sequence[str]

    @property
    def summary(self) -> str:
        """What happened, in one line."""
        return f"{self.title}. {self.paragraphs[0]}"

    @property
    def text(self) -> str:
        """Everything in one line."""
        return " ".join([f"{self.title}.", *self.paragraphs])
