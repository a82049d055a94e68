"""From a computer to a phone: a one-time link, drawn as a QR code, continues a try-on where the camera is.

The owner asks for a link on the computer; it may be used once within `LIFETIME`. Opening it changes nothing,
since link previews open links as well: a button on the page uses it. The phone's session then holds the
link's id, and for the time of `GRANT` the phone may do what `shoppers.ForOwner` says.

The token is never stored. It is derived from the link's id with the shop's secret key, so that the code can
be drawn while the database knows only its hash.
"""

from __future__ import annotations

import io
from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import pgettext

from ..billing import quotas
from ..conf import Rate, config
from ..exceptions import QuotaExceeded, Refused
from ..models import PhoneLink
from ..shoppers import PHONE_KEY
from ..utils.languages import page_address
from ..utils.tokens import hash_token

if TYPE_CHECKING:
    from django.http import HttpRequest

    from ..products import Described
    from ..shoppers import Visitor

LIFETIME = timedelta(minutes=10)
"""How long a link may be used for the first time."""

GRANT = timedelta(hours=1)
"""How long a phone may act for the owner once it has used the link."""

TOKEN_BYTES = 16
"""128 random bits. The code has to stay coarse enough for a poor camera, and the link lives for minutes."""

PER_SHOPPER = Rate(30, "hour")
PER_ADDRESS = Rate(300, "hour")
"""How many links one shopper, and one address, may ask for: each can make a row for a new guest."""

MANY = 10_000
"""How many rows are deleted at once."""

BORDER = 4
"""Modules of white around the code: ISO/IEC 18004 asks for four."""


@cache
def is_installed() -> bool:
    """Whether the library that draws the codes is there: the extra `phone`."""
    return find_spec("segno") is not None


def is_available(request: HttpRequest) -> bool:
    """Whether codes can be offered: a phone must be able to open this request's host.

    A loopback host is offered only with DEBUG, where somebody develops.
    """
    return is_installed() and (settings.DEBUG or not _is_loopback(request.get_host()))


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


# The computer ---------------------------------------------------------------------------------------


def create(visitor: Visitor, product: Described, address: str) -> PhoneLink:
    """A new link of this visitor's, who becomes a shopper with it. It ends all earlier ones, used or not.

    To cut off a phone that used the wrong code, the owner shows a new one.
    """
    now = timezone.now()
    with transaction.atomic():
        shopper = visitor.lock_or_create()
        try:
            quotas.count(f"phone:{shopper.pk}", PER_SHOPPER)
            quotas.count(f"phone:{address}", PER_ADDRESS)
        except QuotaExceeded as refused:
            detail = pgettext("vton", "That was a lot of codes in a short time. Please try again later.")
            raise Refused("quota_exceeded", detail, retry_after=refused.retry_after) from None
        shopper.phone_links.all().delete()
        link = PhoneLink(
            shopper=shopper,
            product=product.ref,
            main_product=product.main_ref,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        link.token_hash = hash_token(_token(link))
        link.save(force_insert=True)
    return link


def _token(link: PhoneLink) -> str:
    digest = salted_hmac("django_vton.phone", str(link.pk), algorithm="sha256").digest()
    return urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


def url(request: HttpRequest, link: PhoneLink) -> str:
    """The absolute URL that the code holds.

    Its host is the one at which the owner's own browser reaches the shop. Where `PUBLIC_BASE_URL` says that
    this host has HTTPS, the token never travels without it, whatever a proxy left out.
    """
    address = request.build_absolute_uri(page_address("phone-page", _token(link)))
    public = urlsplit(config.PUBLIC_BASE_URL)
    parts = urlsplit(address)
    return parts._replace(scheme=public.scheme).geturl() if parts.netloc == public.netloc else address


def svg(text: str) -> bytes:
    """A QR code as an SVG document without styles or scripts, dark on white in any colour scheme."""
    import segno

    out = io.BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(out, kind="svg", dark="#000", light="#fff", border=BORDER, omitsize=True, xmldecl=False)
    return out.getvalue()


def status(link: PhoneLink) -> str:
    """What has become of it: "waiting", "opened", "used" or "expired"."""
    if link.expires_at <= timezone.now():
        return "expired"
    if link.used_at is not None:
        return "used"
    return "waiting" if link.opened_at is None else "opened"


# The phone ------------------------------------------------------------------------------------------


def find(token: str) -> PhoneLink | None:
    """The link of this token, whatever has become of it."""
    return PhoneLink.objects.filter(token_hash=hash_token(token)).first()


def note_opened(link: PhoneLink) -> None:
    """A browser has shown the page, perhaps only to make a preview."""
    PhoneLink.objects.usable().filter(pk=link.pk, opened_at=None).update(opened_at=timezone.now())


def is_held(request: HttpRequest, link: PhoneLink) -> bool:
    """Whether this browser is the one that used the link, and may still act on it."""
    return request.session.get(PHONE_KEY) == str(link.pk) and (
        PhoneLink.objects.granted().filter(pk=link.pk).exists()
    )


def use(request: HttpRequest, link: PhoneLink) -> bool:
    """Give this browser's session what the link allows; False if another was first, or it is too late."""
    now = timezone.now()
    if not PhoneLink.objects.usable().filter(pk=link.pk).update(used_at=now, expires_at=now + GRANT):
        return False
    # The session may do more from now on: nobody who knew its old key shares in that.
    request.session.cycle_key()
    request.session[PHONE_KEY] = str(link.pk)
    return True
