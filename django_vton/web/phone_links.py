"""One-time links that continue a try-on on a phone. The computer shows a link as a QR code.

The owner creates a link on the computer. It can be used once, within `LINK_LIFETIME`. Opening a link does not
use it, since link previews open links too. The page has a button that uses the link. The phone's session then
contains the link's id, and for `ACCESS_LIFETIME` the phone has the rights of `shoppers.PhoneVisitor`.

The database contains only the hash of a link's token. The token is derived from the link's id and the shop's
secret key, so the QR code can be drawn again.
"""

from __future__ import annotations

import io
from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import pgettext

from ..billing import quotas
from ..conf import Rate, config
from ..exceptions import QuotaExceeded, Refused
from ..models import PhoneLink
from ..pixazo.ssrf import is_loopback
from ..products import DescribedProduct
from ..shoppers import PHONE_SESSION_KEY, Visitor
from ..utils import clock, database
from ..utils.languages import localized_url
from ..utils.tokens import hash_token

LINK_LIFETIME = timedelta(minutes=10)
"""The time within which a link must be used."""

ACCESS_LIFETIME = timedelta(hours=1)
"""The time for which a phone may act for the owner after it has used the link."""

TOKEN_BYTES = 16
"""128 bits are enough for a short-lived link, and any camera can read a QR code of this size."""

RATE_PER_SHOPPER = Rate(30, "hour")
RATE_PER_IP = Rate(300, "hour")
"""The rates at which a shopper and an IP address may create links. A link can create a guest's row."""

QUIET_ZONE = 4
"""The width of the white margin that ISO/IEC 18004 requires, in modules."""


@cache
def is_installed() -> bool:
    """Return whether the library that draws QR codes is installed (the extra `phone`)."""
    return find_spec("segno") is not None


def is_available(request: HttpRequest) -> bool:
    """Return whether to offer QR codes: they can be drawn, and a phone can reach this request's host.

    With `DEBUG`, a loopback host is allowed too.
    """
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    is_local = host.endswith(".localhost") or is_loopback(host)
    return is_installed() and (settings.DEBUG or not is_local)


@database.retry
def create(visitor: Visitor, product: DescribedProduct, address_key: str) -> PhoneLink:
    """Create a link, and a `Shopper` if the visitor has none. Raise `Refused` for too many links.

    All earlier links end, even used ones. So a new code disconnects a phone that used an old one by mistake.
    """
    now = clock.now()
    with database.atomic():
        shopper = visitor.lock_or_create()
        try:
            quotas.consume_key(f"phone:{shopper.pk}", RATE_PER_SHOPPER)
            quotas.consume_key(f"phone:{address_key}", RATE_PER_IP)
        except QuotaExceeded as refused:
            detail = pgettext("vton", "That was a lot of codes in a short time. Please try again later.")
            raise Refused("quota_exceeded", detail, retry_after=refused.retry_after) from None
        shopper.phone_links.all().delete()
        link = PhoneLink(
            shopper=shopper,
            product=product.ref,
            main_product=product.main_ref,
            created_at=now,
            expires_at=now + LINK_LIFETIME,
        )
        link.token_hash = hash_token(_token(link))
        link.save(force_insert=True)
    return link


def _token(link: PhoneLink) -> str:
    digest = salted_hmac("django_vton.phone", str(link.pk), algorithm="sha256").digest()
    return urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


def url(request: HttpRequest, link: PhoneLink) -> str:
    """Return the absolute URL that the QR code contains.

    The URL has the request's host, and the scheme of `PUBLIC_BASE_URL` if that has the same host. So the
    token is sent over HTTPS even if a proxy hides HTTPS from Django.
    """
    absolute_url = request.build_absolute_uri(localized_url("phone-page", _token(link)))
    public = urlsplit(config.PUBLIC_BASE_URL)
    parts = urlsplit(absolute_url)
    return parts._replace(scheme=public.scheme).geturl() if parts.netloc == public.netloc else absolute_url


def qr_code_svg(text: str) -> bytes:
    """Return a QR code as an SVG document without styles or scripts, black on white in any color scheme."""
    import segno

    out = io.BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(out, kind="svg", dark="#000", light="#fff", border=QUIET_ZONE, omitsize=True, xmldecl=False)
    return out.getvalue()


def status(link: PhoneLink) -> str:
    """Return the link's status: "waiting", "opened", "used" or "expired"."""
    if link.expires_at <= clock.now():
        return "expired"
    if link.used_at is not None:
        return "used"
    return "waiting" if link.opened_at is None else "opened"


def find(token: str) -> PhoneLink | None:
    """Return the link with this token, whatever its status, or None."""
    return PhoneLink.objects.filter(token_hash=hash_token(token)).first()


def mark_opened(link: PhoneLink) -> None:
    """Record that a client has loaded the page, possibly only for a link preview."""
    PhoneLink.objects.unused().filter(pk=link.pk, opened_at=None).update(opened_at=clock.now())


def has_access(request: HttpRequest, link: PhoneLink) -> bool:
    """Return whether this browser used the link and still has access."""
    return request.session.get(PHONE_SESSION_KEY) == str(link.pk) and (
        PhoneLink.objects.active().filter(pk=link.pk).exists()
    )


@database.retry
def use(request: HttpRequest, link: PhoneLink) -> bool:
    """Give access to this browser's session. Return False if the link was used before or has expired."""
    now = clock.now()
    unused = PhoneLink.objects.unused().filter(pk=link.pk)
    if not unused.update(used_at=now, expires_at=now + ACCESS_LIFETIME):
        return False
    # The session gains rights, so a new key prevents session fixation.
    request.session.cycle_key()
    request.session[PHONE_SESSION_KEY] = str(link.pk)
    return True
