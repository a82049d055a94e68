"""The mails to staff about incidents, in the shop's language. Their words are in `health.notices`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

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
"""The maximum number of mails and other messages that one process sends at the same time."""


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
    if not has_free_thread():
        return
    with translation.override(settings.LANGUAGE_CODE):
        notice = health.notice(name)
        subject = f"{settings.EMAIL_SUBJECT_PREFIX}{_('Try-on')}: {notice.title}"
        over = [_("It was over before this mail was sent.")] if is_over else []
    text = "\n\n".join([*notice.paragraphs, *over]) + "\n"
    start_thread(partial(_send, subject, text, addresses, on_sent))


def _send(subject: str, text: str, addresses: Sequence[str], on_sent: Callable[[], object]) -> None:
    try:
        send_mail(subject, text, None, list(addresses))
        on_sent()
    except Exception:
        logger.exception("The mail %r could not be sent. The next attempt is in ten minutes.", subject)


def has_free_thread() -> bool:
    """Return whether another message can be sent now. If not, log that the mail server hangs."""
    if len(_threads()) < MAX_THREADS:
        return True
    logger.error("The mail server does not answer. Further messages will be sent later.")
    return False


def start_thread(send: Callable[[], object]) -> None:
    """Run `send` in a thread of its own, with its own database connection."""
    threading.Thread(target=_run, args=(send,), name=THREAD_NAME, daemon=True).start()


def wait_for_threads(seconds: float) -> None:
    """Wait for the messages that are being sent, before the process ends and with it their threads."""
    ends = time.monotonic() + seconds
    for thread in _threads():
        thread.join(max(0, ends - time.monotonic()))


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def _run(send: Callable[[], object]) -> None:
    try:
        send()
    except Exception:
        logger.exception("A message could not be sent. It is tried again later.")
    finally:
        connections.close_all()
