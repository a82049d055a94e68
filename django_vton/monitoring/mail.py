"""What staff read of an incident, and the mail that brings it: in the shop's own language.

No key, no picture and nobody's address is in it: it goes to whoever NOTIFY names.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail
from django.db import connections
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import queue
from ..conf import config
from ..models import BudgetPeriod
from ..utils.money import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.utils.functional import _StrPromise

logger = logging.getLogger(__name__)

THREAD = "vton-mail"
MOST_THREADS = 5
"""So many mails of one process may hang at a mail server that neither takes nor refuses them."""

BREAKER_WORDS: dict[str, _StrPromise] = {
    "401": gettext_lazy("the API key is missing or wrong (401)"),
    "402": gettext_lazy("the wallet is empty (402)"),
    "403": gettext_lazy("the subscription does not include this engine (403)"),
}
"""Why the vendor refuses everything, by the breaker's code."""


@dataclass(frozen=True)
class Notice:
    """An incident in words: what happened, and as paragraphs what it costs and what to do."""

    title: str
    paragraphs: Sequence[str]


def notice(name: str) -> Notice:
    """The words for an incident, in the active language; `incidents` gives the names."""
    kind, _dot, rest = name.partition(".")
    words = {
        "workers": _workers,
        "breaker": _breaker,
        "budget": _budget,
        "doubt": _doubt,
        "pictures": _pictures,
    }
    return words[kind](rest)


def _workers(_rest: str) -> Notice:
    return Notice(
        _("No worker is running"),
        [
            _(
                "No worker was seen for five minutes. No new try-on is accepted, and those that wait go on "
                "waiting until their photos expire."
            ),
            _("This costs nothing, but renders that are under way may be charged and come too late."),
            _("Start %(process)s, and look into its log for why it ended.") % {"process": queue.in_use()[1]},
        ],
    )


def _breaker(rest: str) -> Notice:
    engine, _dot, code = rest.rpartition(".")
    reason = BREAKER_WORDS.get(code, code)
    return Notice(
        _("Renders with %(engine)s have stopped") % {"engine": engine},
        [
            _("Pixazo refuses them: %(reason)s.") % {"reason": reason},
            _("Nothing is charged for what is refused. Try-ons wait in the queue."),
            _(
                "See to the key, the wallet or the subscription in Pixazo's panel. One try-on a minute is "
                "sent as a trial, and all go on by themselves once it is accepted."
            ),
        ],
    )


def _budget(rest: str) -> Notice:
    kind, day, level, cap_text = rest.split(".")
    starts_on, cap = date.fromisoformat(day), int(cap_text)
    row = BudgetPeriod.objects.filter(kind=kind, starts_on=starts_on).first()
    used = 0 if row is None else row.held + row.spent
    is_day = kind == BudgetPeriod.Kind.DAY
    facts = {
        "period": date_format(starts_on, "DATE_FORMAT" if is_day else "YEAR_MONTH_FORMAT"),
        "used": usd(used),
        "cap": usd(cap),
        "share": f"{100 * used // max(cap, 1)} %",
        "setting": f"VTON['{'DAILY' if is_day else 'MONTHLY'}_BUDGET']",
    }
    spent = _("Of %(cap)s, %(used)s are spent or set aside for running renders (%(share)s).") % facts
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
            _("No further render fits into it: shoppers are told so. What is running ends as usual."),
            _("It begins anew with the next day or month. To offer more now, raise %(setting)s.") % facts,
        ],
    )


def _doubt(rest: str) -> Notice:
    day = date_format(date.fromisoformat(rest), "DATE_FORMAT")
    return Notice(
        _("Try-ons of %(day)s are in doubt") % {"day": day},
        [
            _("At least one was sent to Pixazo and its answer was lost; the shopper sees it as failed."),
            _("Pixazo may have charged it, so it counts as spent. It is not sent again by itself."),
            _(
                "In the admin, filter the try-ons by “Outcome unknown”, compare them with Pixazo's panel, "
                "and say of each what the panel shows. There is one mail a day, however many there are."
            ),
        ],
    )


def _pictures(_rest: str) -> Notice:
    return Notice(
        _("Pixazo cannot load the shop's pictures"),
        [
            _("The newest three renders failed because a picture could not be loaded."),
            _(
                "Pixazo charges each of them. Shoppers read that their photo cannot be used, and it counts "
                "as one of their try-ons."
            ),
            _(
                "See whether %(address)s can be reached from outside, without a password or a bot challenge. "
                "The vendor's own words are with each try-on in the admin; the pause switch stops the cost."
            )
            % {"address": config.PUBLIC_BASE_URL},
        ],
    )


# Mail -----------------------------------------------------------------------------------------------


def recipients() -> list[str]:
    """The addresses of `NOTIFY`, or else of MANAGERS."""
    if config.NOTIFY is not None:
        return list(config.NOTIFY)
    return [manager if isinstance(manager, str) else manager[1] for manager in settings.MANAGERS]


def mail(name: str, addresses: Sequence[str], *, is_over: bool, then: Callable[[], object]) -> None:
    """Mail an incident in a thread of its own, which calls `then` once the mail server has taken it.

    A mail server that hangs or refuses must keep neither a page nor the answer of a paid render waiting.
    """
    if sum(thread.name == THREAD for thread in threading.enumerate()) >= MOST_THREADS:
        logger.error("The mail server does not answer: %s is not mailed now.", name)
        return
    with translation.override(settings.LANGUAGE_CODE):
        words = notice(name)
        subject = f"{settings.EMAIL_SUBJECT_PREFIX}{_('Try-on')}: {words.title}"
        over = [_("By the time of this mail it was over.")] if is_over else []
    text = "\n\n".join([*words.paragraphs, *over]) + "\n"
    threading.Thread(target=_send, args=(subject, text, addresses, then), name=THREAD, daemon=True).start()


def _send(subject: str, text: str, addresses: Sequence[str], then: Callable[[], object]) -> None:
    try:
        send_mail(subject, text, None, list(addresses))
        then()
    except Exception:
        logger.exception("The mail %r could not be sent; it is tried again.", subject)
    finally:
        connections.close_all()
