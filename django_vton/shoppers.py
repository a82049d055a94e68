"""Who asks: a logged-in user, or a guest known by a random token in the session's data.

Nothing is stored about a visitor before the first accepted photo: looking creates neither a row nor a
session.
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

from . import quotas
from .conf import config
from .models import Shopper
from .tokens import hash_token, new_token

if TYPE_CHECKING:
    from django.http import HttpRequest

SESSION_KEY = "vton_shopper"


@dataclass
class Visitor:
    """The one behind a request. `user_id` for a logged-in one, else `token`, else nobody yet.

    A new guest's first answer may get lost, and with it the session: `first_token` comes out of the request
    itself, so that a repeated one is the same guest's, and is made and paid once.
    """

    user_id: Any = None
    token: str = field(default="", repr=False)
    first_token: str = field(default="", repr=False)

    @classmethod
    def of(cls, request: HttpRequest, key: str = "") -> Visitor:
        """The visitor of this request, read and not written; `key` is its idempotency key."""
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            return cls(user_id=user.pk)
        session = getattr(request, "session", None)
        token = str(session.get(SESSION_KEY, "")) if session is not None else ""
        secret = request.META.get("CSRF_COOKIE")
        if not key or not secret:
            return cls(token=token)
        first = salted_hmac("django_vton.guest", f"{key}:{secret}", algorithm="sha256").hexdigest()
        return cls(token=token, first_token=first)

    @property
    def owns(self) -> Q:
        """Which rows with a `shopper` are theirs, so that no query has to find the shopper first."""
        if self.user_id is not None:
            return Q(shopper__user=self.user_id)
        # A shopper without a token is a user: nobody's hash finds none.
        return Q(shopper__token_hash=hash_token(self.token)) if self.token else Q(pk__in=[])

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


def claim(request: HttpRequest, user: Any) -> None:
    """On login the guest's try-ons become the user's, and the guest's token dies. Receiver's work."""
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
        guest.try_ons.update(shopper=mine)
        guest.photos.update(shopper=mine)
        guest.consents.update(shopper=mine)
        guest.delete()


def address_key(request: HttpRequest) -> str:
    """The caller's address as a quota key that does not tell it; an IPv6 network of /64 is one caller.

    Only the hop that the last of `TRUSTED_PROXIES` proxies wrote is believed; where it is no address, or
    nobody wrote one, the caller is who connected. "" where that is unknown too, as behind a Unix socket.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    hops = config.TRUSTED_PROXIES
    address = _address(forwarded[-hops]) if 0 < hops <= len(forwarded) else None
    address = address or _address(request.META.get("REMOTE_ADDR", ""))
    if address is None:
        return ""
    return "ip:" + salted_hmac("django_vton.address", str(address), algorithm="sha256").hexdigest()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in a proxy's words ("1.2.3.4", "1.2.3.4:5678", "[::1]:443"), IPv6 as its /64."""
    found = re.fullmatch(r"\s*(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|(\S+))\s*", text)
    try:
        address = ipaddress.ip_address(next(part for part in found.groups() if part) if found else "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or ipaddress.IPv6Address(int(address) >> 64 << 64)
    return address
