"""The visitor behind a request: a logged-in user, or a guest identified by a random token in the session.

Nothing is stored about a visitor before their first accepted photo or their first phone link: viewing pages
creates neither a row nor a session.

A phone that has used a phone link keeps its own identity. It may request try-ons of one product for the
link's owner, and see these try-ons. It has no access to anything else of the owner.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from .billing import quotas
from .conf import config
from .exceptions import Refused
from .models import PersonPhoto, PhoneLink, Shopper, TryOnImage, TryOnRequest
from .models.states import ACTIVE
from .utils import clock, database
from .utils.robust import robust
from .utils.tokens import hash_token, new_token

SESSION_KEY = "vton_shopper"
VISITOR_HEADER = "Vton-Visitor"
"""The response header that tells the dialog the visitor's `pseudonym`."""

PHONE_SESSION_KEY = "vton_phone"
"""The session key for the id of the link that a phone has used."""


@dataclass
class Visitor:
    """A visitor of the shop: a user with a `user_id`, a guest with a `token`, or a new guest with neither.

    If the response to a new guest's first request is lost, its session cookie is lost too. `first_token` is
    derived from the request, so that a repeated request belongs to the same guest and is paid once.
    """

    user_id: Any = None
    token: str = field(default="", repr=False)
    first_token: str = field(default="", repr=False)
    phone: PhoneLink | None = field(default=None, repr=False)
    """The link that this phone has used, while the phone may act for the link's owner."""

    @classmethod
    def from_request(cls, request: HttpRequest, key: str = "") -> Visitor:
        """Return the visitor of this request without storing anything. `key` is its idempotency key."""
        user = getattr(request, "user", None)
        session = getattr(request, "session", None)
        if user is not None and user.is_authenticated:
            return cls(user_id=user.pk, phone=_active_phone_link(session))
        phone = _active_phone_link(session)
        token = str(session.get(SESSION_KEY, "")) if session is not None else ""
        secret = request.META.get("CSRF_COOKIE")
        if not key or not secret:
            return cls(token=token, phone=phone)
        first = salted_hmac("django_vton.guest", f"{key}:{secret}", algorithm="sha256").hexdigest()
        return cls(token=token, first_token=first, phone=phone)

    @property
    def pseudonym(self) -> str:
        """Return a string that differs between the visitors of one browser, or "" for a new guest.

        The dialog keeps a photo for the next product, and drops the photo if the pseudonym has changed.
        """
        if self.user_id is None and not self.token:
            return ""
        name = f"{self.user_id or ''}:{self.token}"
        return salted_hmac("django_vton.visitor", name, algorithm="sha256").hexdigest()[:16]

    @property
    def owned_rows(self) -> Q:
        """Return a filter for the visitor's own rows, in any model with a `shopper`.

        The filter joins the `Shopper`, which saves the query of `find_shopper`.
        """
        if self.user_id is not None:
            return Q(shopper__user=self.user_id)
        # Without a token, match no row. The hash None would match the rows of users.
        return Q(shopper__token_hash=hash_token(self.token)) if self.token else Q(pk__in=[])

    @property
    def accessible_try_ons(self) -> Q:
        """Return a filter for the try-ons that the visitor may view and change."""
        return self.owned_rows if self.phone is None else self.owned_rows | requested_by_phone(self.phone)

    def can_view(self, row: PersonPhoto | TryOnImage) -> bool:
        """Return whether the visitor may view this image. A phone may view images of its try-ons."""
        kind: Any = type(row)
        if kind.objects.visible_to(self.find_shopper()).filter(pk=row.pk).exists():
            return True
        if self.phone is None:
            return False
        if isinstance(row, PersonPhoto):
            return photos_from_phone(self.phone).filter(pk=row.pk).exists()
        return self.phone.try_ons.filter(Q(images=row) | Q(source__images=row)).exists()

    def usable_photos(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """Return the photos that the visitor may use. `shopper` is the visitor's row."""
        return PersonPhoto.objects.usable_by(shopper)

    def for_try_on_of(self, main_product: str) -> Visitor:
        """Return a `PhoneVisitor` if this phone has a link for the product; otherwise the visitor itself."""
        if self.phone is None or self.phone.main_product != main_product:
            return self
        mine = self.find_shopper()
        # If the owner is logged in on the phone, the owner's own rights apply.
        if mine is not None and mine.pk == self.phone.shopper_id:
            return self
        return PhoneVisitor(phone=self.phone)

    def quota_owner(self) -> Shopper | None:
        """Return the shopper whose quota a try-on counts towards, or None for a new visitor."""
        return self.find_shopper()

    def link_to_phone(self, request: TryOnRequest) -> None:
        """Record that the try-on was requested on a phone. Call this in the transaction that stores it."""
        phone = self.phone
        if phone is not None and phone.main_product == request.main_product:
            phone.try_ons.add(request)

    def find_shopper(self) -> Shopper | None:
        """Return the visitor's row, or None."""
        if self.user_id is not None:
            return Shopper.objects.filter(user_id=self.user_id).first()
        for token in filter(None, (self.token, self.first_token)):
            shopper = Shopper.objects.filter(token_hash=hash_token(token)).first()
            if shopper is not None:
                self.token = token
                return shopper
        return None

    def lock_or_create(self) -> Shopper:
        """Create the visitor's row if necessary, lock it, and return it. Other requests wait for the lock."""
        if self.user_id is not None:
            return _lock(user_id=self.user_id) or _create_or_lock(user_id=self.user_id)
        for token in filter(None, (self.token, self.first_token)):
            if (shopper := _lock(token_hash=hash_token(token))) is not None:
                self.token = token
                return shopper
        self.token = self.first_token or new_token()
        if self.first_token:  # Two requests may create this row at the same time.
            return _create_or_lock(token_hash=hash_token(self.token))
        return Shopper.objects.create(token_hash=hash_token(self.token))

    def save_token(self, request: HttpRequest) -> None:
        """Store a guest's token in the session, so that the guest can return to the try-ons."""
        if self.user_id is None and self.token and request.session.get(SESSION_KEY) != self.token:
            request.session[SESSION_KEY] = self.token


@dataclass
class PhoneVisitor(Visitor):
    """A phone that requests a try-on for the owner of its link.

    The try-on is stored for the owner and counts towards the owner's quota. In all other methods, the phone
    is a new guest without photos, history or consent.
    """

    def quota_owner(self) -> Shopper | None:
        """Return the owner of the link."""
        return Shopper.objects.filter(phone_links=self.phone).first()

    def usable_photos(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """Return the house models and the photos that were uploaded on this phone."""
        assert self.phone is not None
        return PersonPhoto.objects.usable_by(None) | photos_from_phone(self.phone)

    def lock_or_create(self) -> Shopper:
        """Lock and return the owner's row. Raise `Refused` if the owner has just ended the link."""
        shopper = _lock(phone_links=self.phone)
        if shopper is None:
            raise Refused("not_found")
        return shopper


def _lock(**key: Any) -> Shopper | None:
    """Lock and return the row with this key, or return None.

    The update comes first: SQLite rejects it, without waiting, in a transaction that has only read so far if
    another one has the lock.
    """
    rows = Shopper.objects.filter(**key)
    return rows.first() if rows.update(seen_at=clock.now()) else None


def _create_or_lock(**key: Any) -> Shopper:
    shopper, is_new = Shopper.objects.get_or_create(**key)
    # The other row may be merged or erased before it is locked.
    return shopper if is_new else _lock(**key) or _create_or_lock(**key)


def requested_by_phone(phone: PhoneLink) -> Q:
    """Return a filter for the try-ons that were requested on this link's phone."""
    return Q(pk__in=phone.try_ons.through.objects.filter(phonelink=phone).values("tryonrequest"))


def photos_from_phone(phone: PhoneLink) -> QuerySet[PersonPhoto]:
    """Return the unexpired photos of the try-ons that were requested on this link's phone."""
    photos = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, expires_at__gt=clock.now())
    return photos.filter(pk__in=phone.try_ons.values("photo"))


def _active_phone_link(session: Any) -> PhoneLink | None:
    link = session.get(PHONE_SESSION_KEY) if session is not None else None
    return PhoneLink.objects.active().filter(pk=link).first() if link else None


def merge_guest(request: HttpRequest | None, user: Any, **_kwargs: Any) -> None:
    """Give the guest's try-ons to the user after a login, and delete the guest.

    Withdraw the guest's consent, and keep a photo only while a try-on needs it. If several people share the
    browser, a photo might show another person, and would appear on the user's other devices.

    An error is only logged, since the shop's login must not fail. The session then keeps the guest's token,
    and the next login merges the guest.
    """
    session: Any = getattr(request, "session", None) or {}
    if token := session.get(SESSION_KEY):
        with robust("The try-ons of a guest could not be given to the user."):
            _merge_guest(token, user)
            del session[SESSION_KEY]


@database.retry
def _merge_guest(token: str, user: Any) -> None:
    guest = Visitor(token=token).find_shopper()
    if guest is None:
        return
    with database.atomic():
        mine = Visitor(user_id=user.pk).lock_or_create()
        if not Shopper.objects.filter(pk=guest.pk).update(seen_at=clock.now()):
            return  # Another login or an erasure has just deleted the guest.
        quotas.merge_guest(guest, mine)
        # The user may have used the same keys for other requests.
        hashes = mine.try_ons.exclude(idempotency_key_hash=None).values_list(
            "idempotency_key_hash", flat=True
        )
        guest.try_ons.filter(idempotency_key_hash__in=list(hashes)).update(idempotency_key_hash=None)
        needed = list(guest.photos.filter(try_ons__state__in=ACTIVE).values_list("pk", flat=True))
        guest.try_ons.update(shopper=mine)
        guest.photos.filter(pk__in=needed).update(shopper=mine, is_reusable=False)
        guest.consents.filter(withdrawn_at=None).update(withdrawn_at=clock.now())
        guest.consents.update(shopper=mine)
        guest.phone_links.update(shopper=mine)
        guest.delete()


UNKNOWN_ADDRESS = "ip:unknown"
"""The quota key that all clients without a known address share."""


def client_address(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the entry of X-Forwarded-For that the outermost of the `TRUSTED_PROXIES` has added.

    If that entry is missing or invalid, return REMOTE_ADDR, or None if that is empty, as behind a Unix
    socket.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    hops = config.TRUSTED_PROXIES
    address = _parse_address(forwarded[-hops]) if 0 < hops <= len(forwarded) else None
    return address or _parse_address(request.META.get("REMOTE_ADDR", ""))


def address_keys(request: HttpRequest) -> tuple[str, ...]:
    """Return the hashed quota keys of the client's networks, at least one, the smallest network first.

    An IPv4 address has one key. An IPv6 address has three, since a customer may have a /64, /56 or /48. The
    address is that of `client_address`.
    """
    address = client_address(request)
    if address is None:
        return (UNKNOWN_ADDRESS,)
    if isinstance(address, ipaddress.IPv4Address):
        return (_address_hash("ip", address),)
    networks = {"ip": 64, "ip56": 56, "ip48": 48}
    return tuple(
        _address_hash(kind, ipaddress.IPv6Network((address, length), strict=False).network_address)
        for kind, length in networks.items()
    )


def _address_hash(kind: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"{kind}:{salted_hmac('django_vton.address', str(address), algorithm='sha256').hexdigest()}"


def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address in a form that proxies use: "1.2.3.4", "1.2.3.4:5678" or "[::1]:443"."""
    found = re.fullmatch(r"\s*(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|(\S+))\s*", text)
    try:
        address = ipaddress.ip_address(next(part for part in found.groups() if part) if found else "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address
