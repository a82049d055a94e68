"""The visitor behind a request: a logged-in user, or a guest identified by a random token in the session.

Nothing is stored about a visitor before their first accepted photo or their first phone link: viewing pages
creates neither a row nor a session.

A phone that has used a phone link keeps its own identity. It may add try-ons of one product to those of the
link's owner and see them. It gets no access to anything else of the owner (`Visitor.phone`, `PhoneVisitor`).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .billing import quotas
from .conf import config
from .exceptions import Refused
from .models import PersonPhoto, PhoneLink, Shopper, TryOnImage, TryOnRequest
from .models.states import ACTIVE
from .utils.tokens import hash_token, new_token

SESSION_KEY = "vton_shopper"
VISITOR_HEADER = "Vton-Visitor"
"""The response header that tells the dialog the visitor's `pseudonym`."""

PHONE_SESSION_KEY = "vton_phone"
"""The session key of the id of the link that a phone has used."""


@dataclass
class Visitor:
    """A visitor of the shop: a user with a `user_id`, a guest with a `token`, or a new guest with neither.

    The response to a new guest's first request may get lost, and the session cookie with it. `first_token` is
    derived from the request itself, so that a repetition comes from the same guest and is paid once.
    """

    user_id: Any = None
    token: str = field(default="", repr=False)
    first_token: str = field(default="", repr=False)
    phone: PhoneLink | None = field(default=None, repr=False)
    """The link that this phone has used, as long as the phone may act for its owner."""

    @classmethod
    def from_request(cls, request: HttpRequest, key: str = "") -> Visitor:
        """The visitor of this request. Nothing is written. `key` is the request's idempotency key."""
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
        """Distinguishes the visitors of one browser without identifying them; "" for a new guest.

        The dialog keeps a photo for the next product, and drops it if the pseudonym has changed.
        """
        if self.user_id is None and not self.token:
            return ""
        name = f"{self.user_id or ''}:{self.token}"
        return salted_hmac("django_vton.visitor", name, algorithm="sha256").hexdigest()[:16]

    @property
    def owned_rows(self) -> Q:
        """A filter for their own rows by `shopper`, which saves the query for the `Shopper`."""
        if self.user_id is not None:
            return Q(shopper__user=self.user_id)
        # Without a token, match nothing: users have no token hash.
        return Q(shopper__token_hash=hash_token(self.token)) if self.token else Q(pk__in=[])

    @property
    def accessible_try_ons(self) -> Q:
        """A filter for the try-ons they may view and change: their own, and those requested on this phone."""
        return self.owned_rows if self.phone is None else self.owned_rows | requested_by_phone(self.phone)

    def can_view(self, row: PersonPhoto | TryOnImage) -> bool:
        """Whether they may view this picture: a visible one, or one of a try-on requested on this phone."""
        kind: Any = type(row)
        if kind.objects.visible_to(self.find_shopper()).filter(pk=row.pk).exists():
            return True
        if self.phone is None:
            return False
        if isinstance(row, PersonPhoto):
            return photos_from_phone(self.phone).filter(pk=row.pk).exists()
        return self.phone.try_ons.filter(Q(images=row) | Q(source__images=row)).exists()

    def usable_photos(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """The photos that they may use; `shopper` is their row."""
        return PersonPhoto.objects.usable_by(shopper)

    def for_try_on_of(self, main_product: str) -> Visitor:
        """The visitor for a new try-on of this product: a `PhoneVisitor` on a phone with a link for it."""
        if self.phone is None or self.phone.main_product != main_product:
            return self
        mine = self.find_shopper()
        # The owner is logged in on the phone, and may see everything.
        if mine is not None and mine.pk == self.phone.shopper_id:
            return self
        return PhoneVisitor(phone=self.phone)

    def quota_owner(self) -> Shopper | None:
        """The shopper whose quota a try-on counts towards."""
        return self.find_shopper()

    def link_to_phone(self, request: TryOnRequest) -> None:
        """Record that the try-on was requested on a phone; call this in the transaction that stores it."""
        phone = self.phone
        if phone is not None and phone.main_product == request.main_product:
            phone.try_ons.add(request)

    def find_shopper(self) -> Shopper | None:
        """Their row, or None."""
        if self.user_id is not None:
            return Shopper.objects.filter(user_id=self.user_id).first()
        for token in filter(None, (self.token, self.first_token)):
            shopper = Shopper.objects.filter(token_hash=hash_token(token)).first()
            if shopper is not None:
                self.token = token
                return shopper
        return None

    def lock_or_create(self) -> Shopper:
        """Their row, locked until the transaction ends, so that a visitor's requests are accepted in turn."""
        if self.user_id is not None:
            shopper, _created = Shopper.objects.get_or_create(user_id=self.user_id)
        elif not self.token and not self.first_token:
            self.token = new_token()  # Known to no other request, so there is nothing to look up.
            return Shopper.objects.create(token_hash=hash_token(self.token))
        else:
            shopper = self.find_shopper() or self._create()
        if not Shopper.objects.filter(pk=shopper.pk).update(seen_at=timezone.now()):
            return self.lock_or_create()  # It was just merged or erased.
        return shopper

    def _create(self) -> Shopper:
        self.token = self.first_token or new_token()
        shopper, _created = Shopper.objects.get_or_create(token_hash=hash_token(self.token))
        return shopper

    def save_token(self, request: HttpRequest) -> None:
        """Store a guest's token in the session, so that they can return to their try-ons."""
        if self.user_id is None and self.token and request.session.get(SESSION_KEY) != self.token:
            request.session[SESSION_KEY] = self.token


@dataclass
class PhoneVisitor(Visitor):
    """A phone that requests a try-on for the owner of its link.

    The try-on is stored for the owner and counts towards the owner's quota. The visitor itself has no
    identity. What is not overridden here behaves as for a stranger: no photos, history, consent or export.
    """

    def quota_owner(self) -> Shopper | None:
        """The owner."""
        return Shopper.objects.filter(phone_links=self.phone).first()

    def usable_photos(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """House models, and photos uploaded on this phone."""
        assert self.phone is not None
        return PersonPhoto.objects.usable_by(None) | photos_from_phone(self.phone)

    def lock_or_create(self) -> Shopper:
        """The owner's row, locked. Raise Refused if the owner has just ended the link."""
        shopper = self.quota_owner()
        if shopper is None or not Shopper.objects.filter(pk=shopper.pk).update(seen_at=timezone.now()):
            raise Refused("not_found")
        return shopper


def requested_by_phone(phone: PhoneLink) -> Q:
    """A filter for the try-ons that were requested on this link's phone."""
    return Q(pk__in=phone.try_ons.through.objects.filter(phonelink=phone).values("tryonrequest"))


def photos_from_phone(phone: PhoneLink) -> QuerySet[PersonPhoto]:
    """The photos of those try-ons."""
    photos = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, expires_at__gt=timezone.now())
    return photos.filter(pk__in=phone.try_ons.values("photo"))


def _active_phone_link(session: Any) -> PhoneLink | None:
    """The unexpired link that this phone has used. Without one in the session, no query is made."""
    link = session.get(PHONE_SESSION_KEY) if session is not None else None
    return PhoneLink.objects.active().filter(pk=link).first() if link else None


def merge_guest(request: HttpRequest, user: Any) -> None:
    """After a login, give the guest's try-ons to the user and delete the guest.

    The guest's consent is withdrawn and the photos are not kept: on a shared browser they may belong to
    another person, and the user's other devices would show them. A photo is deleted once no try-on needs it.
    """
    token = request.session.pop(SESSION_KEY, "") if hasattr(request, "session") else ""
    guest = Visitor(token=token).find_shopper() if token else None
    if guest is None:
        return
    with transaction.atomic():
        mine = Visitor(user_id=user.pk).lock_or_create()
        if not Shopper.objects.filter(pk=guest.pk).update(seen_at=timezone.now()):
            return  # Another login or an erasure was faster.
        quotas.merge_guest(guest, mine)
        # The user may have used the same keys for other requests.
        keys = mine.try_ons.exclude(idempotency_key=None).values_list("idempotency_key", flat=True)
        guest.try_ons.filter(idempotency_key__in=list(keys)).update(idempotency_key=None)
        needed = list(guest.photos.filter(try_ons__state__in=ACTIVE).values_list("pk", flat=True))
        guest.try_ons.update(shopper=mine)
        guest.photos.filter(pk__in=needed).update(shopper=mine, is_reusable=False)
        guest.consents.filter(withdrawn_at=None).update(withdrawn_at=timezone.now())
        guest.consents.update(shopper=mine)
        guest.phone_links.update(shopper=mine)
        guest.delete()


UNKNOWN_ADDRESS = "ip:unknown"
"""The quota key of all clients without a known address: they count as one client."""


def address_keys(request: HttpRequest) -> tuple[str, ...]:
    """Hashed quota keys of the client's networks, the narrowest first; never empty.

    IPv4 has one key. IPv6 has three, for the /64, /56 and /48, since a customer may have any of them. The
    address is the entry of X-Forwarded-For that the outermost of the `TRUSTED_PROXIES` added, or REMOTE_ADDR
    if that is missing or invalid. Behind a Unix socket, REMOTE_ADDR is empty: all share `UNKNOWN_ADDRESS`.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    hops = config.TRUSTED_PROXIES
    address = _parse_address(forwarded[-hops]) if 0 < hops <= len(forwarded) else None
    address = address or _parse_address(request.META.get("REMOTE_ADDR", ""))
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
    """Parse an address as proxies write it: "1.2.3.4", "1.2.3.4:5678" or "[::1]:443"; None if invalid."""
    found = re.fullmatch(r"\s*(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|(\S+))\s*", text)
    try:
        address = ipaddress.ip_address(next(part for part in found.groups() if part) if found else "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address
