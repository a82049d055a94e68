"""The mails to staff about incidents, in the shop's language.

Mails contain no key, no image and no personal data, because they go to every address in `NOTIFY`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.core.mail import send_mail
from django.db import connections
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from .. import queue
from ..conf import config
from ..gateway import links
from ..gateway.circuit_breaker import BREAKER_REASONS
from ..models import BudgetPeriod
from ..utils.money import format_usd

logger = logging.getLogger(__name__)

THREAD_NAME = "vton-mail"
MAX_THREADS = 5
"""The maximum number of mails that one process sends at the same time."""


@dataclass(frozen=True)
class Notice:
    """The text about an incident: what happened, what it costs and what to do."""

    title: str
    paragraphs: Sequence[str]


def incident_notice(name: str) -> Notice:
    """Return the text about the incident with this name (see `incidents`), in the active language."""
    kind, _dot, details = name.partition(".")
    notices = {
        "workers": _workers,
        "breaker": _breaker,
        "budget": _budget,
        "unknown_outcome": _unknown_outcome,
        "images_unreachable": _images_unreachable,
        "images_unreadable": _images_unreadable,
    }
    return notices[kind](details)


def _workers(_details: str) -> Notice:
    return Notice(
        _("No worker is running"),
        [
            _(
                "No worker was seen for five minutes. New try-ons are not accepted, and queued ones wait "
                "until their photos expire."
            ),
            _("This costs nothing by itself, but running renders may be charged and arrive too late."),
            _("Start %(process)s, and check its log for why it stopped.")
            % {"process": queue.describe_queue()[1]},
        ],
    )


def _breaker(details: str) -> Notice:
    engine, _dot, code = details.rpartition(".")
    reason = BREAKER_REASONS.get(code, code)
    return Notice(
        _("Renders with %(engine)s have stopped") % {"engine": engine},
        [
            _("Pixazo refuses them: %(reason)s.") % {"reason": reason},
            _("Refused renders are not charged. Try-ons wait in the queue."),
            _(
                "Check the key, the wallet or the subscription in Pixazo's panel. One try-on a minute is "
                "sent as a trial; once one is accepted, the others are sent as well."
            ),
        ],
    )


def _budget(details: str) -> Notice:
    kind, day, level, cap_text = details.split(".")
    starts_on, cap = date.fromisoformat(day), int(cap_text)
    row = BudgetPeriod.objects.filter(kind=kind, starts_on=starts_on).first()
    used = 0 if row is None else row.held + row.spent
    is_day = kind == BudgetPeriod.Kind.DAY
    facts = {
        "period": date_format(starts_on, "DATE_FORMAT" if is_day else "YEAR_MONTH_FORMAT"),
        "used": format_usd(used),
        "cap": format_usd(cap),
        "share": f"{100 * used // max(cap, 1)} %",
        "setting": f"VTON['{'DAILY' if is_day else 'MONTHLY'}_BUDGET']",
    }
    spent = _("%(used)s of %(cap)s are spent or set aside for running renders (%(share)s).") % facts
    if level == "near":
        return Notice(
            _("Most of the budget of %(period)s is used") % facts,
            [
                spent,
                _("Nothing has changed for shoppers yet. At the cap, no more renders are accepted."),
                _("To offer more, raise %(setting)s in the settings.") % facts,
            ],
        )
    return Notice(
        _("The budget of %(period)s is used up") % facts,
        [
            spent,
            _("No further render fits into it, and shoppers are told so. Running renders end as usual."),
            _("A new budget begins with the next day or month. To offer more now, raise %(setting)s.")
            % facts,
        ],
    )


def _unknown_outcome(details: str) -> Notice:
    day = date_format(date.fromisoformat(details), "DATE_FORMAT")
    return Notice(
        _("Try-ons of %(day)s have an unknown outcome") % {"day": day},
        [
            _("At least one was sent to Pixazo and its answer was lost; the shopper sees it as failed."),
            _("Pixazo may have charged it, so it counts as spent. It is not sent again by itself."),
            _(
                "In the admin, filter the try-ons by “Outcome unknown”, compare them with Pixazo's panel, "
                "and record for each what the panel shows. One mail a day is sent, however many there are."
            ),
        ],
    )


def _images_unreachable(_details: str) -> Notice:
    probe = links.public_url("vendor-file", "test")
    return Notice(
        _("Pixazo cannot load the shop's images"),
        [
            _("The newest two renders failed, and Pixazo had not downloaded all images from the shop."),
            _(
                "Pixazo charges each of them. Shoppers read that the problem is on the shop's side, and it "
                "does not count as one of their try-ons."
            ),
            _(
                "Check what answers before the shop: a firewall (WAF), a bot challenge, a login or a "
                "maintenance page must let requests to %(url)s pass. To try it, run this on a computer "
                "outside of your network:"
            )
            % {"url": probe.removesuffix("test/")},
            f"curl -i {probe}",
            _(
                "The shop answers with the status 404 and the code “not_found”, since this image does not "
                "exist. Any other answer does not come from the shop. If the shop answers, look in the "
                "firewall's log for refused requests. The pause switch in the admin stops the cost."
            ),
        ],
    )


def _images_unreadable(_details: str) -> Notice:
    return Notice(
        _("Pixazo cannot use the shop's images"),
        [
            _("The newest three renders failed because Pixazo could not use an image."),
            _(
                "Pixazo charges each of them. Shoppers read that the photo or the product's picture cannot "
                "be used, and it counts as one of their try-ons."
            ),
            _(
                "The shop has served the images, so check what arrives: a proxy, a CDN or the web server "
                "may change, shorten or replace them on the way from %(url)s. The admin shows the vendor's "
                "message with each try-on; the pause switch stops the cost."
            )
            % {"url": config.PUBLIC_BASE_URL},
        ],
    )


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
        notice = incident_notice(name)
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
