"""Who asks: a logged-in user, or a guest known by a random token in the session's data.

Nothing is stored about a visitor before the first accepted photo: looking creates neither a row nor a
session.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
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
    """The one behind a request. `user_id` for a logged-in one, else `token`, else nobody yet."""

    user_id: Any = None
    token: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Visitor:
        """The visitor of this request, read and not written."""
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            return cls(user_id=user.pk)
        session = getattr(request, "session", None)
        return cls(token=str(session.get(SESSION_KEY, "")) if session is not None else "")

    def shopper(self) -> Shopper | None:
        """Their row, if there is one."""
        if self.user_id is not None:
            return Shopper.objects.filter(user_id=self.user_id).first()
        if self.token:
            return Shopper.objects.filter(token_hash=hash_token(self.token)).first()
        return None

    def lock_or_create(self) -> Shopper:
        """Their row, locked until the transaction ends: one visitor's requests are accepted one by one."""
        if self.user_id is not None:
            shopper, _created = Shopper.objects.get_or_create(user_id=self.user_id)
        else:
            if not self.token or self.shopper() is None:
                self.token = new_token()
            shopper, _created = Shopper.objects.get_or_create(token_hash=hash_token(self.token))
        Shopper.objects.filter(pk=shopper.pk).update(seen_at=timezone.now())
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
        Shopper.objects.filter(pk=guest.pk).update(seen_at=timezone.now())
        # A key means something only with the shopper who sent it; two owners may have used the same.
        guest.try_ons.update(shopper=mine, idempotency_key=None)
        guest.photos.update(shopper=mine)
        guest.consents.update(shopper=mine)
        quotas.merge(guest, mine)
        guest.delete()


def address_key(request: HttpRequest) -> str:
    """The caller's address as a quota key that does not tell it; an IPv6 network of /64 is one caller.

    Only the hop that the last of `TRUSTED_PROXIES` proxies wrote is believed.
    """
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    address = request.META.get("REMOTE_ADDR", "")
    if config.TRUSTED_PROXIES and len(forwarded) >= config.TRUSTED_PROXIES:
        address = forwarded[-config.TRUSTED_PROXIES]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or ipaddress.IPv6Address(int(parsed) >> 64 << 64)
    return "ip:" + salted_hmac("django_vton.address", str(parsed), algorithm="sha256").hexdigest()
