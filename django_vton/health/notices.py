"""The words about each problem, for pages, mails and `vton_doctor`, in the active language.

They are found by the cause alone, since a mail may be sent after the problem is over. They contain no key, no
image and no personal data, because mails go to every address in `NOTIFY`.
"""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import queue
from ..models import BatchNotice, BudgetPeriod, FailedCheck, PersonPhoto, UndeletedFile
from ..utils.money import format_usd
from . import vendor_notices
from .notice import Notice


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
    "breaker": vendor_notices.breaker,
    "budget": _budget,
    "unknown_outcome": vendor_notices.unknown_outcome,
    "charged_errors": vendor_notices.charged_errors,
    "release": _release,
    "outdated": _outdated,
    "images_unreachable": vendor_notices.images_unreachable,
    "images_unreadable": vendor_notices.images_unreadable,
    "unknown_status": vendor_notices.unknown_status,
    "storage": _storage,
    "missing_files": _missing_files,
    "undeleted_files": _undeleted_files,
    "queue": _queue,
    "clock": _clock,
    "overdue": _overdue,
}
"""The text by the first part of the cause."""
