"""Who asks: a logged-in user, or a guest known by a random token in the session's data.

Nothing is stored about a visitor before the first accepted photo, or before they ask for a code for their
phone: looking creates neither a row nor a session.

A phone that has used a link of `phone` keeps its own identity. It may add try-ons of one product to the
owner's, and see these; nothing else of the owner's is ever the phone's (`Visitor.phone`, `ForOwner`).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .billing import quotas
from .conf import config
from .exceptions import Refused
from .models import PersonPhoto, PhoneLink, Shopper
from .models.states import ACTIVE
from .utils.tokens import hash_token, new_token

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from .models import TryOnImage, TryOnRequest

SESSION_KEY = "vton_shopper"
VISITOR_HEADER = "Vton-Visitor"
"""Of the answers that the dialog reads: the visitor's `mark`."""

PHONE_KEY = "vton_phone"
"""In a phone's session: the id of the link that it has used."""


@dataclass
class Visitor:
    """The one behind a request. `user_id` for a logged-in one, else `token`, else nobody yet.

    A new guest's first answer may get lost, and with it the session: `first_token` comes out of the request
    itself, so that a repeated one is the same guest's, and is made and paid once.
    """

    user_id: Any = None
    token: str = field(default="", repr=False)
    first_token: str = field(default="", repr=False)
    phone: PhoneLink | None = field(default=None, repr=False)
    """The link that this phone has used, while it may act for the link's owner."""

    @classmethod
    def of(cls, request: HttpRequest, key: str = "") -> Visitor:
        """The visitor of this request, read and not written; `key` is its idempotency key."""
        user = getattr(request, "user", None)
        session = getattr(request, "session", None)
        if user is not None and user.is_authenticated:
            return cls(user_id=user.pk, phone=_granted(session))
        phone = _granted(session)
        token = str(session.get(SESSION_KEY, "")) if session is not None else ""
        secret = request.META.get("CSRF_COOKIE")
        if not key or not secret:
            return cls(token=token, phone=phone)
        first = salted_hmac("django_vton.guest", f"{key}:{secret}", algorithm="sha256").hexdigest()
        return cls(token=token, first_token=first, phone=phone)

    @property
    def mark(self) -> str:
        """Distinguishes the visitors of one browser without identifying them; "" for an unknown guest.

        The dialog keeps a photo for the next product, and drops it where the mark has changed.
        """
        if self.user_id is None and not self.token:
            return ""
        name = f"{self.user_id or ''}:{self.token}"
        return salted_hmac("django_vton.visitor", name, algorithm="sha256").hexdigest()[:16]

    @property
    def owns(self) -> Q:
        """Which rows with a `shopper` are theirs, so that no query has to find the shopper first."""
        if self.user_id is not None:
            return Q(shopper__user=self.user_id)
        # A shopper without a token is a user: nobody's hash finds none.
        return Q(shopper__token_hash=hash_token(self.token)) if self.token else Q(pk__in=[])

    @property
    def may_open(self) -> Q:
        """Which try-ons they may see and change: their own, and what this phone asked for."""
        return self.owns if self.phone is None else self.owns | made_by(self.phone)

    def may_see(self, row: PersonPhoto | TryOnImage) -> bool:
        """Whether this picture may be shown to them: one of their own, or of what this phone asked for."""
        kind: Any = type(row)
        if kind.objects.visible_to(self.shopper()).filter(pk=row.pk).exists():
            return True
        if self.phone is None:
            return False
        if isinstance(row, PersonPhoto):
            return photos_by(self.phone).filter(pk=row.pk).exists()
        return self.phone.try_ons.filter(Q(images=row) | Q(source__images=row)).exists()

    def photos(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """The photos that they may send, where `shopper` is their row."""
        return PersonPhoto.objects.usable(shopper)

    def trying_on(self, main_product: str) -> Visitor:
        """The visitor who owns a new try-on of this product: `ForOwner` on a phone with a link for it."""
        if self.phone is None or self.phone.main_product != main_product:
            return self
        mine = self.shopper()
        # The owner logged in on the phone: nothing is to be hidden from them.
        if mine is not None and mine.pk == self.phone.shopper_id:
            return self
        return ForOwner(phone=self.phone)

    def pays(self) -> Shopper | None:
        """Whose quota a try-on counts in."""
        return self.shopper()

    def note(self, request: TryOnRequest) -> None:
        """Remember that the try-on came by the phone's link; in the transaction that stores it."""
        phone = self.phone
        if phone is not None and phone.main_product == request.main_product:
            phone.try_ons.add(request)

    def shopper(self) -> Shopper | None:
        """Their row, if there is one."""
        if self.user_id is not None:
            return Shopper.objects.filter(user_id=self.user_id).first()
        for token in filter(None, (self.token, self.first_token)):
            shopper = Shopper.objects.filter(token_hash=hash_token(token)).first()
            if shopper is not None:
                self.token = token
                return shopper
        return None

    def lock_or_create(self) -> Shopper:
        """Their row, locked until the transaction ends: one visitor's requests are accepted one by one."""
        if self.user_id is not None:
            shopper, _created = Shopper.objects.get_or_create(user_id=self.user_id)
        elif not self.token and not self.first_token:
            self.token = new_token()  # Nobody else can know it: there is nothing to look up and to lock.
            return Shopper.objects.create(token_hash=hash_token(self.token))
        else:
            shopper = self.shopper() or self._create()
        if not Shopper.objects.filter(pk=shopper.pk).update(seen_at=timezone.now()):
            return self.lock_or_create()  # Claimed or erased in this very moment: a new one.
        return shopper

    def _create(self) -> Shopper:
        self.token = self.first_token or new_token()
        shopper, _created = Shopper.objects.get_or_create(token_hash=hash_token(self.token))
        return shopper

    def remember(self, request: HttpRequest) -> None:
        """Keep a guest's token in the session, so that they find their try-ons again."""
        if self.user_id is None and self.token and request.session.get(SESSION_KEY) != self.token:
            request.session[SESSION_KEY] = self.token


@dataclass
class ForOwner(Visitor):
    """A phone that asks for a try-on for its link's owner.

    What it asks for is stored for the owner and counts in the owner's quota. As a visitor it is nobody, so
    whatever is not named here answers as it does to a stranger: no photos, no history, no consent, no export.
    """

    def pays(self) -> Shopper | None:
        """The owner."""
        return Shopper.objects.filter(phone_links=self.phone).first()

    def photos(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """House models, and what this phone has sent."""
        assert self.phone is not None, "nobody's phone"
        return PersonPhoto.objects.usable(None) | photos_by(self.phone)

    def lock_or_create(self) -> Shopper:
        """The owner's row, locked; Refused where the owner ended the link a moment ago."""
        shopper = self.pays()
        if shopper is None or not Shopper.objects.filter(pk=shopper.pk).update(seen_at=timezone.now()):
            raise Refused("not_found")
        return shopper


def made_by(phone: PhoneLink) -> Q:
    """Which try-ons were asked for by this link's phone."""
    return Q(pk__in=phone.try_ons.through.objects.filter(phonelink=phone).values("tryonrequest"))


def photos_by(phone: PhoneLink) -> QuerySet[PersonPhoto]:
    """The photos in those."""
    kept = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, expires_at__gt=timezone.now())
    return kept.filter(pk__in=phone.try_ons.values("photo"))


def _granted(session: Any) -> PhoneLink | None:
    """The link that this session's phone has used, while it lasts; no query for all others."""
    link = session.get(PHONE_KEY) if session is not None else None
    return PhoneLink.objects.granted().filter(pk=link).first() if link else None


def claim(request: HttpRequest, user: Any) -> None:
    """On login the guest's try-ons become the user's, and the guest's token dies. Receiver's work.

    Not the guest's photos and consent: at a shared browser they may be another person's, and would be served
    on the user's other devices. Photos go at once, or when the try-on that needs them has ended.
    """
    token = request.session.pop(SESSION_KEY, "") if hasattr(request, "session") else ""
    guest = Visitor(token=token).shopper() if token else None
    if guest is None:
        return
    with transaction.atomic():
        mine = Visitor(user_id=user.pk).lock_or_create()
        if not Shopper.objects.filter(pk=guest.pk).update(seen_at=timezone.now()):
            return  # Another login, or an erasure, was faster.
        quotas.merge(guest, mine)
        # The user has used these keys as well, for something else.
        keys = mine.try_ons.exclude(idempotency_key=None).values_list("idempotency_key", flat=True)
        guest.try_ons.filter(idempotency_key__in=list(keys)).update(idempotency_key=None)
        needed = list(guest.photos.filter(try_ons__state__in=ACTIVE).values_list("pk", flat=True))
        guest.try_ons.update(shopper=mine)
        guest.photos.filter(pk__in=needed).update(shopper=mine, keep=False)
        guest.consents.filter(withdrawn_at=None).update(withdrawn_at=timezone.now())
        guest.consents.update(shopper=mine)
        guest.phone_links.update(shopper=mine)
        guest.delete()


UNKNOWN_ADDRESS = "ip:unknown"
"""The quota key of callers without a known address: together they count as one caller."""


def address_keys(request: HttpRequest) -> tuple[str, ...]:
    """The caller's networks as quota keys that do not tell them, the narrowest first; never empty.

    One for IPv4; the /64, /56 and /48 for IPv6, where one customer may have any of them. Only the hop that
    the last of `TRUSTED_PROXIES` proxies wrote is believed; where it is no address, or nobody wrote one, the
    caller is who connected. Behind a Unix socket that is unknown too: then all are one caller.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    hops = config.TRUSTED_PROXIES
    address = _address(forwarded[-hops]) if 0 < hops <= len(forwarded) else None
    address = address or _address(request.META.get("REMOTE_ADDR", ""))
    if address is None:
        return (UNKNOWN_ADDRESS,)
    if isinstance(address, ipaddress.IPv4Address):
        return (_address_key("ip", address),)
    networks = {"ip": 64, "ip56": 56, "ip48": 48}
    return tuple(
        _address_key(kind, ipaddress.IPv6Network((address, length), strict=False).network_address)
        for kind, length in networks.items()
    )


def _address_key(kind: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"{kind}:{salted_hmac('django_vton.address', str(address), algorithm='sha256').hexdigest()}"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in a proxy's words: "1.2.3.4", "1.2.3.4:5678", "[::1]:443"."""
    found = re.fullmatch(r"\s*(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|(\S+))\s*", text)
    try:
        address = ipaddress.ip_address(next(part for part in found.groups() if part) if found else "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address
