"""The mails to staff about incidents, in the shop's language. Their words are in `health.notices`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from django.conf import settings
from django.core.mail import send_mail
from django.db import connections
from django.utils import translation
from django.utils.translation import gettext as _

from .. import health
from ..conf import config

logger = logging.getLogger(__name__)

THREAD_NAME = "vton-mail"
MAX_THREADS = 5
"""The maximum number of mails that one process sends at the same time."""


def recipients() -> list[str]:
    """Return the addresses in `NOTIFY`. If `NOTIFY` is not set, return those of MANAGERS."""
    if config.NOTIFY is not None:
        return list(config.NOTIFY)
    return [manager if isinstance(manager, str) else manager[1] for manager in settings.MANAGERS]


def send_incident_mail(
    name: str, addresses: Sequence[str], *, is_over: bool, on_sent: Callable[[], object]
) -> None:
    """Send the mail in a separate thread, and call `on_sent` there after the mail server has accepted it.

    In the calling thread, a mail server that hangs would delay a page or the storing of a paid result.
    """
    if sum(thread.name == THREAD_NAME for thread in threading.enumerate()) >= MAX_THREADS:
        logger.error("The mail server does not answer. The mail about %s will be sent later.", name)
        return
    with translation.override(settings.LANGUAGE_CODE):
        notice = health.notice(name)
        subject = f"{settings.EMAIL_SUBJECT_PREFIX}{_('Try-on')}: {notice.title}"
        over = [_("It was over before this mail was sent.")] if is_over else []
    text = "\n\n".join([*notice.paragraphs, *over]) + "\n"
    args = (subject, text, addresses, on_sent)
    threading.Thread(target=_send, args=args, name=THREAD_NAME, daemon=True).start()


def _send(subject: str, text: str, addresses: Sequence[str], on_sent: Callable[[], object]) -> None:
    try:
        send_mail(subject, text, None, list(addresses))
        on_sent()
    except Exception:
        logger.exception("The mail %r could not be sent. The next attempt is in ten minutes.", subject)
    finally:
        connections.close_all()
