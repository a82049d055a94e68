"""Mail to the people who run the shop: once for each incident."""

from __future__ import annotations

import logging
import smtplib
import threading
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import send_mail

from .conf import config

logger = logging.getLogger("django_vton.notify")

THREAD = "vton-mail"


def tell_staff(subject: str, text: str) -> None:
    """Mail to `NOTIFY`, or else to MANAGERS, in a thread of its own.

    A mail server that hangs or refuses must not keep the answers of paid renders from being stored.
    """
    addresses = config.NOTIFY
    if addresses is None:
        managers = settings.MANAGERS
        addresses = [manager if isinstance(manager, str) else manager[1] for manager in managers]
    if addresses:
        subject = f"{settings.EMAIL_SUBJECT_PREFIX}{subject}"
        threading.Thread(target=_send, args=(subject, text, addresses), name=THREAD, daemon=True).start()


def _send(subject: str, text: str, addresses: Sequence[str]) -> None:
    try:
        send_mail(subject, text, None, list(addresses))
    except (OSError, smtplib.SMTPException):
        logger.exception("The mail %r could not be sent.", subject)
