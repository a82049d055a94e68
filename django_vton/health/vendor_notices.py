"""The words about problems with the vendor: see `notices`."""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ..conf import config
from ..gateway import circuit_breaker, links
from ..models import Attempt, UnknownStatus
from ..models.operations import COMPLETED_WITHOUT_IMAGES
from ..pixazo import SubmitOutcome
from .notice import Notice


def breaker(details: str) -> Notice:
    """An engine is stopped. `details` is its name and the reason: `fashn-v1.6.401`."""
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


def unknown_outcome(details: str) -> Notice:
    """Try-ons of a day, such as `2026-03-01`, have an unknown outcome."""
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


def charged_errors(engine: str) -> Notice:
    """The vendor has charged for submits to this engine that it answered with an error."""
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


def images_unreachable(_details: str) -> Notice:
    """The vendor could not download the images of the newest renders."""
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


def images_unreadable(_details: str) -> Notice:
    """The newest renders failed because of their images."""
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


def unknown_status(pk: str) -> Notice:
    """The vendor uses a status that the engine does not declare. `pk` is the `UnknownStatus`."""
    row = UnknownStatus.objects.filter(pk=pk).first() or UnknownStatus()
    names = {"engine": row.engine, "word": row.word}
    if row.word.casefold() == COMPLETED_WITHOUT_IMAGES:
        cause = _("A render is reported as complete, and its images are not where they are expected.")
    else:
        cause = _("The word is not in the vendor's documents: “%(word)s”.") % names
    return Notice(
        _("%(engine)s has an unknown status") % names,
        [
            cause,
            _("Such renders are polled until their deadline, and those that do not end count as spent."),
            _(
                "If they never complete, report it with the output of vton_transcript. An engine of your own "
                "declares the word in `statuses`, or the field in `image_fields`. This is reported once."
            ),
        ],
    )
