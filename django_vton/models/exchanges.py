"""The transcript: what was exchanged with the vendor about an attempt."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .attempts import Attempt
from .base import Model


class Exchange(Model):
    """A redacted request and its response. Equal polls in a row are one row. See `gateway.transcripts`."""

    class Kind(models.TextChoices):
        """Who called whom, and for what."""

        SUBMIT = "submit", _("submit")
        POLL = "poll", _("poll")
        DOWNLOAD = "download", _("download")
        CALLBACK = "callback", _("callback")

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="exchanges")
    kind = models.CharField(max_length=8, choices=Kind)
    at = models.DateTimeField(db_index=True)
    last_at = models.DateTimeField(help_text="When the last of several equal polls was sent.")
    times = models.PositiveIntegerField(default=1)
    milliseconds = models.PositiveIntegerField(default=0)
    method = models.CharField(max_length=10)
    path = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)
    request = models.JSONField(default=dict, help_text='{"headers", "body"}, as in pixazo.ExchangeRecord.')
    response = models.JSONField(default=dict, help_text='{"headers", "body"}, as in pixazo.ExchangeRecord.')
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.kind} of attempt {self.attempt_id}"
