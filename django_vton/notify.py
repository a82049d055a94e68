"""Mail to the people who run the shop: once for each incident."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail

from .conf import config

logger = logging.getLogger("django_vton.notify")


def tell_staff(subject: str, text: str) -> None:
    """Mail to `NOTIFY`, or else to MANAGERS. Mail that fails is logged: it must not stop a render."""
    addresses = config.NOTIFY
    if addresses is None:
        managers = settings.MANAGERS
        addresses = [manager if isinstance(manager, str) else manager[1] for manager in managers]
    if not addresses:
        return
    try:
        send_mail(f"{settings.EMAIL_SUBJECT_PREFIX}{subject}", text, None, list(addresses))
    except (OSError, smtplib.SMTPException):
        logger.exception("The mail %r could not be sent.", subject)
