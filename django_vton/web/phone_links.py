"""One-time links that continue a try-on on a phone: the computer shows the link as a QR code.

The owner creates a link on the computer. It can be used once within `LINK_LIFETIME`. Opening it changes
nothing, since link previews open links as well; a button on the page uses it. The phone's session then holds
the link's id, and for `ACCESS_LIFETIME` the phone has the rights described in `shoppers.PhoneVisitor`.

The token is never stored. It is derived from the link's id with the shop's secret key, so the QR code can be
drawn again although the database holds only the token's hash.
"""

from __future__ import annotations

import io
from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import pgettext

from ..billing import quotas
from ..conf import Rate, config
from ..exceptions import QuotaExceeded, Refused
from ..models import PhoneLink
from ..products import DescribedProduct
from ..shoppers import PHONE_SESSION_KEY, Visitor
from ..utils.languages import localized_url
from ..utils.tokens import hash_token

LINK_LIFETIME = timedelta(minutes=10)
"""How long a link may be used for the first time."""

ACCESS_LIFETIME = timedelta(hours=1)
"""How long a phone may act for the owner once it has used the link."""

TOKEN_BYTES = 16
"""128 random bits are enough for a short-lived link, and any camera can read a QR code of this size."""

RATE_PER_SHOPPER = Rate(30, "hour")
RATE_PER_IP = Rate(300, "hour")
"""How many links one shopper and one IP address may create, since each can create a row for a new guest."""

QUIET_ZONE = 4
"""White modules around the code, as ISO/IEC 18004 requires."""


@cache
def is_installed() -> bool:
    """Whether the library that draws QR codes is installed (the extra `phone`)."""
    return find_spec("segno") is not None


def is_available(request: HttpRequest) -> bool:
    """Whether to offer QR codes: a phone must be able to reach this request's host.

    With DEBUG, a loopback host is allowed too, for development.
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


def create(visitor: Visitor, product: DescribedProduct, address_key: str) -> PhoneLink:
    """Create a link for this visitor, who becomes a shopper by it. All earlier links end, used or not.

    So the owner can disconnect a phone that used the code by mistake: a new code does it. Raises Refused with
    `quota_exceeded` after too many links.
    """
    now = timezone.now()
    with transaction.atomic():
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

    Its host is the one that the owner's browser uses. If it is also the host of `PUBLIC_BASE_URL`, that
    setting's scheme is used, so that the token is sent over HTTPS even if a proxy hides HTTPS from Django.
    """
    absolute_url = request.build_absolute_uri(localized_url("phone-page", _token(link)))
    public = urlsplit(config.PUBLIC_BASE_URL)
    parts = urlsplit(absolute_url)
    return parts._replace(scheme=public.scheme).geturl() if parts.netloc == public.netloc else absolute_url


def qr_code_svg(text: str) -> bytes:
    """Return a QR code as an SVG document without styles or scripts, black on white in any colour scheme."""
    import segno

    out = io.BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(out, kind="svg", dark="#000", light="#fff", border=QUIET_ZONE, omitsize=True, xmldecl=False)
    return out.getvalue()


def status(link: PhoneLink) -> str:
    """Return the link's status: "waiting", "opened", "used" or "expired"."""
    if link.expires_at <= timezone.now():
        return "expired"
    if link.used_at is not None:
        return "used"
    return "waiting" if link.opened_at is None else "opened"


def find(token: str) -> PhoneLink | None:
    """Return the link of this token, whatever its status."""
    return PhoneLink.objects.filter(token_hash=hash_token(token)).first()


def mark_opened(link: PhoneLink) -> None:
    """Record that a browser has loaded the page, possibly only for a link preview."""
    PhoneLink.objects.unused().filter(pk=link.pk, opened_at=None).update(opened_at=timezone.now())


def has_access(request: HttpRequest, link: PhoneLink) -> bool:
    """Whether this browser used the link and its access has not ended."""
    return request.session.get(PHONE_SESSION_KEY) == str(link.pk) and (
        PhoneLink.objects.active().filter(pk=link.pk).exists()
    )


def use(request: HttpRequest, link: PhoneLink) -> bool:
    """Give this browser's session access; False if the link was used before or has expired."""
    now = timezone.now()
    if (
        not PhoneLink.objects.unused()
        .filter(pk=link.pk)
        .update(used_at=now, expires_at=now + ACCESS_LIFETIME)
    ):
        return False
    # The session gains rights, so it needs a new key: this prevents session fixation.
    request.session.cycle_key()
    request.session[PHONE_SESSION_KEY] = str(link.pk)
    return True
