"""Tell staff that a batch is finished: by e-mail, and by a signed message to the webhook `NOTIFY_URL`.

A batch gets a row for each channel when it starts. Once a minute, a worker claims the rows of finished
batches by postponing them, and sends them in separate threads. So a crash repeats a message at most, and a
failing receiver delays nothing else.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.core.mail import send_mail
from django.utils import translation

from ..conf import config
from ..models import Batch, BatchNotice
from ..monitoring import mail
from ..utils import clock
from .summary import Summary, summarize

logger = logging.getLogger(__name__)

Channel = BatchNotice.Channel

RETRY_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 6 * 60, 12 * 60))
"""The pauses after the attempts. After one attempt more, the message is given up."""

POST_SECONDS = 10.0
"""The time limit of one message to the webhook."""

SIGNATURE_HEADER = "Vton-Signature"


def expect(batch: Batch) -> None:
    """Have the end of this batch told, even if an earlier end was told already, or is being told now."""
    rows = [BatchNotice(batch=batch, channel=channel) for channel in Channel]
    BatchNotice.objects.bulk_create(rows, ignore_conflicts=True)
    BatchNotice.objects.filter(batch=batch).update(due_at=clock.now(), attempts=0)


def send_due() -> None:
    """Claim the messages about finished batches that are due, and send them in separate threads."""
    now = clock.now()
    due = BatchNotice.objects.filter(due_at__lte=now, batch__in=Batch.objects.finished())
    for notice in due.order_by("due_at"):
        if not mail.has_free_thread():
            return
        delay = RETRY_DELAYS[min(notice.attempts, len(RETRY_DELAYS) - 1)]
        unclaimed = BatchNotice.objects.filter(pk=notice.pk, due_at=notice.due_at)
        notice.due_at, notice.attempts = now + delay, notice.attempts + 1
        if unclaimed.update(due_at=notice.due_at, attempts=notice.attempts):
            mail.start_thread(partial(_send, notice))


def _send(notice: BatchNotice) -> None:
    """Send a claimed message, and delete its row or store why it was not accepted."""
    # If the batch was retried meanwhile, the row is due again, for the batch's new end.
    claimed = BatchNotice.objects.filter(pk=notice.pk, due_at=notice.due_at)
    batch = Batch.objects.defer("products").select_related("created_by").get(pk=notice.batch_id)
    with translation.override(settings.LANGUAGE_CODE):
        summary = summarize(batch)
        error = _post(notice, summary) if notice.channel == Channel.WEBHOOK else _mail(batch, summary)
    if not error:
        claimed.delete()
        return
    is_last = notice.attempts > len(RETRY_DELAYS)
    next_at = None if is_last else notice.due_at
    logger.error(
        "The %s that batch %s is finished was not accepted: %s. %s",
        notice.channel,
        batch.pk,
        error,
        "It is given up." if is_last else f"The next attempt is at {next_at:%Y-%m-%d %H:%M} UTC.",
    )
    claimed.update(due_at=next_at, error=error[:300], failed_at=clock.now())


def _mail(batch: Batch, summary: Summary) -> str:
    creator = batch.created_by
    own = [getattr(creator, creator.get_email_field_name(), "")] if creator and creator.is_active else []
    addresses = list(dict.fromkeys(filter(None, [*own, *mail.recipients()])))
    try:
        if addresses:
            subject = f"{settings.EMAIL_SUBJECT_PREFIX}{summary.title}"
            send_mail(subject, summary.mail_text, None, addresses)
    except Exception as error:
        logger.exception("The mail about batch %s could not be sent.", batch.pk)
        return f"{type(error).__name__}: {error}"
    return ""


def _post(notice: BatchNotice, summary: Summary) -> str:
    from ..pixazo import posts  # Only the worker that sends needs the HTTP client.

    if not config.NOTIFY_URL:
        return ""
    if not config.NOTIFY_SECRET:
        return "VTON['NOTIFY_SECRET'] is not set"
    message = {"text": summary.chat_text, "event": "batch_finished", "id": str(notice.pk)}
    body = json.dumps(message | {"batch": summary.as_json()}).encode()
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(body, int(time.time()))}
    return asyncio.run(
        posts.post(config.NOTIFY_URL, body, headers, loopback=config.is_sandbox, seconds=POST_SECONDS)
    )


def sign(body: bytes, timestamp: int) -> str:
    """Return the signature of a message: its time, and the HMAC-SHA256 of the time and the body."""
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(config.NOTIFY_SECRET.encode(), signed, 'sha256').hexdigest()}"
