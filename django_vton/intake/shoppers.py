"""The shoppers' door: consent, quota, cache, money and row in one transaction."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from .. import images, lifecycle, privacy, products
from ..billing import budget, quotas
from ..conf import config
from ..exceptions import Refused
from ..gateway import engines
from ..models import PersonPhoto, ProductImage, Shopper, TryOnRequest
from ..models.states import TERMINAL, State
from ..queue import wake
from ..storage import delete_file
from ..utils.redaction import clearing_frames
from . import availability, product_images
from .decoding import decoding
from .hooks import run_hook
from .rows import Accepted, fill_photo, new_row, new_shared_render, shared_render

if TYPE_CHECKING:
    from ..products import Described
    from ..shoppers import Visitor

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TryOnOrder:
    """What somebody asks for, as it came through a door; nothing of it is believed yet."""

    product: str
    visitor: Visitor
    photo: BinaryIO | None = None
    photo_id: str = ""
    consent: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    keep_photo: bool = False
    idempotency_key: str | None = None
    addresses: tuple[str, ...] = ()
    """The caller's networks, as `shoppers.address_keys` tells them."""
    locale: str = ""
    is_human: Callable[[], bool] = lambda: True
    """The shop's CAPTCHA, which may cost a call: asked once nothing else refuses."""

    def digest(self) -> str:
        """SHA-256 of the body: the same key with another one is a conflict."""
        parts = [self.product, self.photo_id, self.options, self.keep_photo, self.consent]
        total = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
        if self.photo is not None:
            total.update(self.photo.read(images.MAX_BYTES + 1))
            self.photo.seek(0)
        return total.hexdigest()


def request_tryon(ask: TryOnOrder) -> Accepted:
    """Accept a try-on, or raise Refused with nothing stored and nothing spent."""
    if ask.visitor.phone is not None:
        main_product = products.find(ask.product).main_ref
        ask = replace(ask, visitor=ask.visitor.trying_on(main_product))
    body_digest = ask.digest() if ask.idempotency_key else ""
    earlier = _replay(ask, ask.visitor.pays(), body_digest)
    if earlier is not None:
        return earlier
    availability.require()
    described = products.find_enabled(ask.product)
    options = described.options(ask.options)
    _require_room(ask, described, options)
    if not ask.is_human():
        raise Refused("captcha_required")
    photo = _photo(ask, described)
    is_new, is_used = photo._state.adding, False
    try:
        picture = product_images.prepare(described)
        with transaction.atomic():
            accepted = _accept(ask, described, options, photo, picture, body_digest)
            ask.visitor.note(accepted.request)
            transaction.on_commit(wake, robust=True)
        is_used = accepted.request.photo_id == photo.pk
    except (DatabaseError, InterfaceError):
        is_used = True  # Perhaps it was committed, and only the answer lost. Else the sweep takes the files.
        raise
    finally:
        if is_new and not is_used:
            delete_file(photo.file)
            delete_file(photo.thumbnail)
    return accepted


def _require_room(ask: TryOnOrder, described: Described, options: Mapping[str, Any]) -> None:
    """Refuse what can be told by reading alone, before the shop's CAPTCHA is asked and a photo is decoded.

    A stored photo may have its answer already, which costs nothing: that is seen when it is accepted.
    """
    shopper = ask.visitor.pays()
    if ask.photo is not None:
        engine = described.engine.name
        quotas.require_room(shopper, ask.addresses, engines.image_count(engine, options))
        quotas.check_in_flight(shopper, ask.addresses)
        budget.require_room(engines.price(engine, options))
        _require_consent(ask, ask.visitor.shopper())


def _photo(ask: TryOnOrder, described: Described) -> PersonPhoto:
    """The photo that was named, or the one that was sent, its files written and its row not yet.

    A file is looked at only once its owner has agreed.
    """
    if ask.photo is None and not ask.photo_id:
        raise Refused("photo_required", field="photo")
    shopper = ask.visitor.shopper()
    if ask.photo is None:
        stored = _find_photo(ask, shopper)
        if not stored.is_house:
            _require_consent(ask, shopper)
        return stored
    try:
        with decoding():
            picture = images.person_photo(ask.photo)
    except images.ImageRefused as refusal:
        raise Refused(refusal.code, refusal.message, field="photo") from None
    if not run_hook(config.MODERATE, picture.data, described.product):
        raise Refused("photo_refused", field="photo")
    row = PersonPhoto()
    with clearing_frames():
        fill_photo(row, picture)
    return row


def _keep_photo(ask: TryOnOrder, photo: PersonPhoto, shopper: Shopper) -> PersonPhoto:
    """The row of this photo, still theirs; one that the same shopper sent before is used again."""
    if not photo._state.adding:
        stored = _find_photo(ask, shopper)
        if ask.keep_photo and not stored.is_house:
            shopper.photos.filter(pk=stored.pk).update(keep=True)
        return stored
    expires_at = timezone.now() + config.PHOTO_RETENTION
    earlier = shopper.photos.filter(digest=photo.digest, expires_at__gt=timezone.now()).first()
    if earlier is not None:
        keep = earlier.keep or ask.keep_photo
        shopper.photos.filter(pk=earlier.pk).update(keep=keep, expires_at=expires_at)
        return earlier
    photo.shopper, photo.keep, photo.expires_at = shopper, ask.keep_photo, expires_at
    photo.save(force_insert=True)
    return photo


def _find_photo(ask: TryOnOrder, shopper: Shopper | None) -> PersonPhoto:
    try:
        return ask.visitor.photos(shopper).get(pk=uuid.UUID(ask.photo_id))
    except (ValueError, PersonPhoto.DoesNotExist):
        raise Refused("photo_gone", field="photo_id") from None


def _require_consent(ask: TryOnOrder, shopper: Shopper | None) -> None:
    if not ask.consent and not privacy.has_consented(shopper):
        raise Refused("consent_required", field="consent")


def _replay(ask: TryOnOrder, shopper: Shopper | None, body_digest: str) -> Accepted | None:
    """What the same key was answered before, or None."""
    if not ask.idempotency_key or shopper is None:
        return None
    earlier = shopper.try_ons.filter(idempotency_key=ask.idempotency_key).first()
    if earlier is None:
        return None
    by_another = ask.visitor.phone is not None and not (
        TryOnRequest.objects.filter(ask.visitor.may_open, pk=earlier.pk).exists()
    )
    if earlier.idempotency_digest != body_digest or by_another:
        raise Refused("idempotency_conflict", field="Idempotency-Key")
    return Accepted(earlier, is_ready=earlier.state in TERMINAL)


def _accept(
    ask: TryOnOrder,
    described: Described,
    options: Mapping[str, Any],
    photo: PersonPhoto,
    picture: ProductImage,
    body_digest: str,
) -> Accepted:
    """With the shopper locked: what was true before the photo was read may not be any more."""
    shopper = ask.visitor.lock_or_create()
    earlier = _replay(ask, shopper, body_digest)
    if earlier is not None:
        return earlier
    if not photo.is_house:
        _require_consent(ask, shopper)
        if not privacy.has_consented(shopper):
            privacy.record_consent(shopper, ask.locale)
    row = _keep_photo(ask, photo, shopper)
    request = new_row(
        described,
        options,
        row,
        picture,
        shopper=shopper,
        idempotency_key=ask.idempotency_key or None,
        idempotency_digest=body_digest,
    )
    source = _source(request, row)
    if source is None and row.is_house:
        source = _house_render(request, ask)
    if source is not None:
        return _follow(request, source, ask)
    _pay(request, request, ask)
    return Accepted(request, is_ready=False)


def _source(request: TryOnRequest, photo: PersonPhoto) -> TryOnRequest | None:
    """A render to share: the shopper's own earlier one, or anybody's of a house model."""
    if photo.is_house:
        return shared_render(request)
    rows = TryOnRequest.objects.select_for_update()
    own = rows.filter(shopper=request.shopper, cache_key=request.cache_key)
    return own.filter(source=None, state=State.COMPLETED).order_by("-created_at").first()


def _follow(request: TryOnRequest, source: TryOnRequest, ask: TryOnOrder) -> Accepted:
    """Share a render that is paid already: at once if it is ready, else when it is."""
    assert request.shopper is not None
    request.source = source
    request.cached = source.state == State.COMPLETED
    if not request.counted_in:
        quotas.take_shared(request.shopper, ask.addresses)
    if not request.cached:
        quotas.check_in_flight(request.shopper, ask.addresses)
        _note_address(request, ask)
    lifecycle.accept(request, amount=None, detail={"source": str(source.pk)})
    lifecycle.follow(request, source)
    return Accepted(request, is_ready=request.cached)


def _pay(render: TryOnRequest, request: TryOnRequest, ask: TryOnOrder) -> None:
    """Store a render that costs money; it counts for the shopper of `request`, mostly the same row."""
    assert request.shopper is not None
    image_count = engines.image_count(render.engine, render.options)
    request.counted_in = quotas.take(request.shopper, ask.addresses, image_count)
    request.counted_images = image_count
    quotas.check_in_flight(request.shopper, ask.addresses)
    _note_address(request, ask)
    lifecycle.accept(render, amount=engines.price(render.engine, render.options))


def _note_address(request: TryOnRequest, ask: TryOnOrder) -> None:
    request.address_key = ask.addresses[0] if ask.addresses else ""


def _house_render(request: TryOnRequest, ask: TryOnOrder) -> TryOnRequest:
    """A render that all can share; its first asker is counted for it."""

    def pay(render: TryOnRequest) -> None:
        _pay(render, request, ask)

    render, is_new = new_shared_render(request, pay)
    if not is_new:
        request.counted_in, request.counted_images = [], 0
    return render
