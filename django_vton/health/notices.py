"""The words about each problem, for pages, mails and `vton_doctor`, in the active language.

They are found by the cause alone, since a mail may be sent after the problem is over. They contain no key, no
image and no personal data, because mails go to every address in `NOTIFY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import queue
from ..conf import config
from ..gateway import circuit_breaker, links
from ..models import Attempt, BatchNotice, BudgetPeriod, FailedCheck, PersonPhoto, UndeletedFile
from ..pixazo import SubmitOutcome
from ..utils.money import format_usd


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


def notice(cause: str) -> Notice:
    """Return the text about the problem with this cause (see `facts`)."""
    kind, _dot, details = cause.partition(".")
    return NOTICES[kind](details)


def _disabled(_details: str) -> Notice:
    return Notice(
        _("Try-on is switched off in the settings"),
        [_("To offer it, set VTON['ENABLED'] to True.")],
    )


def _not_configured(_details: str) -> Notice:
    return Notice(
        _("Try-on is not set up"),
        [_("The API key or the public URL is missing or wrong in the settings.")],
    )


def _paused(_details: str) -> Notice:
    return Notice(
        _("Try-on is paused"),
        [_("An operator has paused it for the whole shop with the pause switch in the admin.")],
    )


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


def _workers_never_seen(_details: str) -> Notice:
    start = _("Try-ons wait until one runs. Start %(process)s.")
    return Notice(_("No worker was ever seen"), [start % {"process": queue.describe_queue()[1]}])


def _breaker(details: str) -> Notice:
    engine, _dot, reason = details.rpartition(".")
    text = circuit_breaker.REASONS.get(reason, reason)
    title = _("Renders with %(engine)s have stopped") % {"engine": engine}
    waiting = _("Refused renders are not charged. Try-ons wait in the queue.")
    if reason in circuit_breaker.REFUSALS:
        return Notice(
            title,
            [
                _("Pixazo refuses them: %(reason)s.") % {"reason": text},
                waiting,
                _(
                    "Check the key, the wallet or the subscription in Pixazo's panel. One try-on a minute is "
                    "sent as a trial; once one is accepted, the others are sent as well. If none waits, "
                    "shoppers can order again five minutes after the last refusal."
                ),
            ],
        )
    return Notice(
        title,
        [
            _("The gateway at %(url)s does not work: %(reason)s.")
            % {"url": config.PIXAZO_BASE_URL, "reason": text},
            waiting,
            _(
                "Check whether Pixazo reports an outage, and whether the workers may connect to it. Waiting "
                "try-ons are sent again by themselves, and the gateway is tried each minute."
            ),
            *_connection_error(engine, reason),
        ],
    )


def _connection_error(engine: str, reason: str) -> list[str]:
    """Return the error of the newest submit that was not sent, such as a failed look-up of the host."""
    if reason != circuit_breaker.UNREACHABLE:
        return []
    failed = Attempt.objects.filter(engine=engine, outcome=SubmitOutcome.NOT_SENT).order_by("-pk")
    error = failed.values_list("error", flat=True).first()
    # Developers see only this text if the sandbox is not running.
    is_sandbox = _("Is vton_sandbox running?") if config.is_sandbox else ""
    return [text for text in (error, is_sandbox) if text]


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
        "left": format_usd(max(0, cap - used)),
        "share": f"{100 * used // max(cap, 1)} %",
        "setting": f"VTON['{'DAILY' if is_day else 'MONTHLY'}_BUDGET']",
    }
    spent = _(
        "%(used)s of %(cap)s are spent or set aside for running renders (%(share)s), and %(left)s are left."
    )
    if level == "near":
        return Notice(
            _("Most of the budget of %(period)s is used") % facts,
            [
                spent % facts,
                _("Renders that cost no more than that are accepted as before."),
                _("To offer more, raise %(setting)s in the settings.") % facts,
            ],
        )
    return Notice(
        _("The budget of %(period)s is used up") % facts,
        [
            spent % facts,
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


def _release(details: str) -> Notice:
    key, level, day = details.split(".")
    photo = PersonPhoto.objects.filter(pk=key).first()
    facts = {"name": photo or key, "day": date_format(date.fromisoformat(day), "DATE_FORMAT")}
    if level == "soon":
        return Notice(
            _("The release of house model %(name)s ends on %(day)s") % facts,
            [
                _("After that day, no render with this house model is offered or made."),
                _("Its published renders are then removed from the shop, and its batches are paused."),
                _("If the release is extended, enter its new end in the admin before that day."),
            ],
        )
    return Notice(
        _("The release of house model %(name)s ends: %(day)s is its last day") % facts,
        [
            _("From the next day on, no render with this house model is offered or made."),
            _("Its published renders are removed from the shop within an hour, and its batches are paused."),
            _("If the release is extended later, enter its new end and activate the house model again."),
        ],
    )


def _outdated(details: str) -> Notice:
    number = int(details)
    text = ngettext(
        "The picture of %(n)d product has changed since it was rendered.",
        "The pictures of %(n)d products have changed since they were rendered.",
        number,
    )
    return Notice(
        _("Renders in the shop show earlier pictures of products"),
        [
            text % {"n": number},
            _("The page Products of the admin finds them. Render them again, or remove the old renders."),
        ],
    )


def _images_unreachable(_details: str) -> Notice:
    probe = links.public_url("vendor-file", "test")
    return Notice(
        _("Pixazo cannot load the shop's images"),
        [
            _("The newest renders failed, and Pixazo had not downloaded all images from the shop."),
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
            _("The newest renders failed because Pixazo could not use an image."),
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


def _charged_errors(engine: str) -> Notice:
    return Notice(
        _("Pixazo charges for errors of %(engine)s") % {"engine": engine},
        [
            _("It answered a render with 500 or 503 and then called back with its result, so it is charged."),
            _(
                "The amount counts as spent. Until an hour has passed without such a callback, renders with "
                "such an answer are not sent again: they have an unknown outcome until their callback comes."
            ),
            _("Compare the attempts with Pixazo's panel, and report the error to Pixazo."),
        ],
    )


def _storage(_details: str) -> Notice:
    error = FailedCheck.objects.filter(name="storage").values_list("error", flat=True).first()
    return Notice(
        _("Pictures cannot be stored"),
        [
            _("A worker could not write, read or delete a file in the private storage: %(error)s.")
            % {"error": error or "-"},
            _("New try-ons are not accepted. Finished renders wait at Pixazo for up to a day."),
            _("Check the disk or the bucket, and the permissions of the workers. It is tried each minute."),
        ],
    )


def _queue(_details: str) -> Notice:
    return Notice(
        _("Another project uses the same queue"),
        [
            _(
                "In the last hour, a worker has found a task that another project had signed, and django-q2 "
                "has dropped it. The other project drops tasks of this shop in the same way."
            ),
            _("No try-on is lost and nothing is paid twice, but try-ons begin minutes late."),
            _(
                "Give each project a queue of its own: another Q_CLUSTER['name'], or another database of "
                "Redis. If only the SECRET_KEY was changed while tasks waited, this ends after an hour."
            ),
        ],
    )


def _missing_files(_details: str) -> Notice:
    name = FailedCheck.objects.filter(name="files").values_list("error", flat=True).first()
    return Notice(
        _("Files are missing in the private storage"),
        [
            _("The last one was %(name)s.") % {"name": name or "-"},
            _(
                "This costs nothing: product pictures are prepared again, and try-ons whose photo is missing "
                "end before they are sent. Results that are missing cannot be shown any more."
            ),
            _(
                "Check whether the web servers and the workers use the same storage, and whether it outlives "
                "them: a container needs a volume. If house models have lost their photo, upload it again."
            ),
        ],
    )


def _undeleted_files(_details: str) -> Notice:
    number = UndeletedFile.objects.count()
    return Notice(
        _("Files cannot be deleted"),
        [
            _("Files that wait for their deletion: %(number)s. Photos of shoppers can be among them.")
            % {"number": number},
            _("Check the permissions of the workers, and a lock on the bucket. It is tried each hour."),
        ],
    )


def _clock(details: str) -> Notice:
    host, _dot, seconds = details.partition(".")
    skew = {
        "host": _("The clock of this host differs from the database's by %(seconds)s s."),
        "worker": _("The clock of a worker's host differs from the database's by %(seconds)s s."),
    }
    return Notice(
        _("The clocks differ"),
        [
            skew[host] % {"seconds": seconds},
            _(
                "Try-ons follow the clock of the database, so none is late. Sessions and signed URLs follow "
                "the clock of their host. Set the clocks of all hosts."
            ),
        ],
    )


def _overdue(_details: str) -> Notice:
    return Notice(
        _("Try-ons wait too long"),
        [
            _("At least one has been due for more than two minutes."),
            _("Start more workers, or raise VTON['CONCURRENCY']. The log of the workers may say more."),
        ],
    )


def _messages(_details: str) -> Notice:
    failing = BatchNotice.objects.exclude(failed_at=None).order_by("-failed_at").first()
    return Notice(
        _("Staff were not told that a batch is finished"),
        [
            f"{failing.get_channel_display()}: {failing.error}." if failing else "",
            _("The message is tried again for a day. Check the mail server, or VTON['NOTIFY_URL']."),
        ],
    )


NOTICES = {
    "disabled": _disabled,
    "not_configured": _not_configured,
    "paused": _paused,
    "messages": _messages,
    "workers": _workers,
    "workers_never_seen": _workers_never_seen,
    "breaker": _breaker,
    "budget": _budget,
    "unknown_outcome": _unknown_outcome,
    "charged_errors": _charged_errors,
    "release": _release,
    "outdated": _outdated,
    "images_unreachable": _images_unreachable,
    "images_unreadable": _images_unreadable,
    "storage": _storage,
    "missing_files": _missing_files,
    "undeleted_files": _undeleted_files,
    "queue": _queue,
    "clock": _clock,
    "overdue": _overdue,
}
"""The text by the first part of the cause."""
