"""Record, check and withdraw consents. Each consent applies to a version of the text, in a language."""

from __future__ import annotations

import hashlib

from ..conf import config
from ..models import Consent, Shopper
from ..utils import clock, database
from .erasure import delete_photo, lock_shopper


def has_consented(shopper: Shopper | None) -> bool:
    """Return whether this shopper agreed to the current version and has not withdrawn the consent."""
    if shopper is None:
        return False
    return shopper.consents.filter(version=config.CONSENT_VERSION, withdrawn_at__isnull=True).exists()


def record_consent(shopper: Shopper, locale: str) -> None:
    """Store that the shopper agreed to the current text in this language."""
    text = str(config.CONSENT_TEXT)
    Consent.objects.create(
        shopper=shopper,
        version=config.CONSENT_VERSION,
        text_hash=hashlib.sha256(text.encode()).hexdigest(),
        locale=locale,
    )


@database.retry
def withdraw_consent(shopper: Shopper) -> None:
    """Withdraw every consent, cancel running try-ons that use the shopper's photos, and delete the photos."""
    with database.atomic():
        lock_shopper(shopper.pk)
        shopper.consents.filter(withdrawn_at__isnull=True).update(withdrawn_at=clock.now())
        for photo in shopper.photos.all():
            delete_photo(photo)
