"""Accept shoppers' requests, with their consent, quota, money and row in one transaction."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from django.db import DatabaseError, InterfaceError

from .. import images, lifecycle, privacy, products
from ..billing import budget, quotas
from ..exceptions import Refused
from ..gateway import engines
from ..models import PersonPhoto, ProductImage, Shopper, TryOnRequest
from ..models.states import TERMINAL, State
from ..privacy.stored_files import delete_file
from ..products import DescribedProduct
from ..queue import wake
from ..shoppers import Visitor
from ..utils import clock, database
from ..utils.decoding import decoding_slot
from ..utils.redaction import clearing_frames
from . import availability, fallbacks, product_images
from .hooks import require_allowed_photo
from .rows import (
    AcceptedRequest,
    build_request,
    create_shared_render,
    equal_render_keys,
    find_shared_render,
    save_photo_files,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TryOnOrder:
    """A shopper's request for a try-on, not yet validated."""

    product: str
    visitor: Visitor
    photo: BinaryIO | None = None
    photo_id: str = ""
    consent: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    keep_photo: bool = False
    idempotency_key: str | None = None
    addresses: tuple[str, ...] = ()
    """The quota keys of the caller's networks, from `shoppers.address_keys`."""
    locale: str = ""
    is_human: Callable[[], bool] = lambda: True
    """The shop's CAPTCHA. It can make an HTTP call, so it is called after the cheaper checks."""

    @property
    def key_hash(self) -> str | None:
        """The SHA-256 of the idempotency key, which has any length, and whose case matters."""
        key = self.idempotency_key
        return hashlib.sha256(key.encode()).hexdigest() if key else None

    def digest(self) -> str:
        """Return the SHA-256 of the request. An idempotency key conflicts if it comes with another digest."""
        parts = [self.product, self.photo_id, self.options, self.keep_photo, self.consent]
        total = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
        if self.photo is not None:
            total.update(self.photo.read(images.MAX_BYTES + 1))
            self.photo.seek(0)
        return total.hexdigest()


def request_tryon(order: TryOnOrder) -> AcceptedRequest:
    """Accept a try-on. Raise `Refused`, and store and spend nothing, if it cannot be accepted.

    Call this outside of transactions: after a conflict with another transaction, ours is repeated.
    """
    if order.visitor.phone is not None:
        main_product = products.find(order.product).main_ref
        order = replace(order, visitor=order.visitor.for_try_on_of(main_product))
    body_digest = order.digest() if order.idempotency_key else ""
    earlier = _find_replayed(order, order.visitor.quota_owner(), body_digest)
    if earlier is not None:
        return earlier
    availability.require_available()
    described = products.find_enabled(order.product)
    availability.require_engines(fallbacks.engine_names(described))
    options = described.clean_shopper_options(order.options)
    _require_available(order, described, options)
    if not order.is_human():
        raise Refused("captcha_required")
    photo = _get_photo(order, described)
    is_new, is_used = photo._state.adding, False
    try:
        product_image = product_images.prepare(described)

        def store() -> AcceptedRequest:
            with database.atomic():
                accepted = _accept(order, described, options, photo, product_image, body_digest, is_new)
                order.visitor.link_to_phone(accepted.request)
                database.on_commit(wake, robust=True)
            return accepted

        with database.refusing_conflicts():
            accepted = database.retry(store)()
        is_used = accepted.request.photo_id == photo.pk
    except (DatabaseError, InterfaceError):
        # Keep the files, since the commit may have succeeded although its confirmation was lost. If it has
        # failed, the cleanup of orphaned files deletes them.
        is_used = True
        raise
    finally:
        if is_new and not is_used:
            delete_file(photo.file)
            delete_file(photo.thumbnail)
    return accepted


def _require_available(order: TryOnOrder, described: DescribedProduct, options: Mapping[str, Any]) -> None:
    """Check quota, budget and consent before calling the CAPTCHA and decoding an uploaded photo.

    A try-on with a stored photo is free if its result exists, so `_accept` makes these checks for it.
    """
    if order.photo is None:
        return
    shopper, engine = order.visitor.quota_owner(), described.engine.name
    quotas.require_available(shopper, order.addresses, engines.image_count(engine, options))
    quotas.check_in_flight(shopper, order.addresses)
    budget.require_available(fallbacks.expected_price(described, options, order.options))
    _require_consent(order, order.visitor.find_shopper())


def _get_photo(order: TryOnOrder, described: DescribedProduct) -> PersonPhoto:
    """Return the stored photo. If a photo was uploaded, write its files and return an unsaved row.

    For an uploaded photo, `_require_available` has checked the consent.
    """
    if order.photo is None and not order.photo_id:
        raise Refused("photo_required", field="photo")
    shopper = order.visitor.find_shopper()
    if order.photo is None:
        stored = _find_photo(order, shopper)
        if not stored.is_house:
            _require_consent(order, shopper)
        return stored
    try:
        with decoding_slot():
            image = images.normalize_person_photo(order.photo)
    except images.ImageRefused as refusal:
        raise Refused(refusal.code, refusal.message, field="photo") from None
    require_allowed_photo(image.data, described.product)
    row = PersonPhoto()
    with clearing_frames():
        save_photo_files(row, image)
    return row


def _save_photo(order: TryOnOrder, photo: PersonPhoto, is_new: bool, shopper: Shopper) -> PersonPhoto:
    """Save the photo's row. If the shopper has sent the same photo before, update and return that row."""
    if not is_new:
        stored = _find_photo(order, shopper)
        if order.keep_photo and not stored.is_house:
            shopper.photos.filter(pk=stored.pk).update(is_reusable=True)
        return stored
    expires_at = privacy.photo_expires_at()
    earlier = shopper.photos.filter(digest=photo.digest, expires_at__gt=clock.now()).first()
    if earlier is not None:
        keep = earlier.is_reusable or order.keep_photo
        shopper.photos.filter(pk=earlier.pk).update(is_reusable=keep, expires_at=expires_at)
        return earlier
    photo.shopper, photo.is_reusable, photo.expires_at = shopper, order.keep_photo, expires_at
    photo.save(force_insert=True)
    return photo


def _find_photo(order: TryOnOrder, shopper: Shopper | None) -> PersonPhoto:
    try:
        return order.visitor.usable_photos(shopper).get(pk=uuid.UUID(order.photo_id))
    except (ValueError, PersonPhoto.DoesNotExist):
        raise Refused("photo_gone", field="photo_id") from None


def _require_consent(order: TryOnOrder, shopper: Shopper | None) -> None:
    if not order.consent and not privacy.has_consented(shopper):
        raise Refused("consent_required", field="consent")


def _find_replayed(order: TryOnOrder, shopper: Shopper | None, body_digest: str) -> AcceptedRequest | None:
    """Return the earlier request with the same idempotency key, or None. Raise `Refused` if they differ."""
    if not order.idempotency_key or shopper is None:
        return None
    earlier = shopper.try_ons.filter(idempotency_key_hash=order.key_hash).first()
    if earlier is None:
        return None
    is_anothers = order.visitor.phone is not None and not (
        TryOnRequest.objects.filter(order.visitor.accessible_try_ons, pk=earlier.pk).exists()
    )
    if earlier.idempotency_digest != body_digest or is_anothers:
        raise Refused("idempotency_conflict", field="Idempotency-Key")
    return AcceptedRequest(earlier, is_ready=earlier.state in TERMINAL)


def _accept(
    order: TryOnOrder,
    described: DescribedProduct,
    options: Mapping[str, Any],
    photo: PersonPhoto,
    product_image: ProductImage,
    body_digest: str,
    is_new_photo: bool,
) -> AcceptedRequest:
    """Lock the shopper, repeat the checks, since decoding the photo took time, and store the request."""
    shopper = order.visitor.lock_or_create()
    earlier = _find_replayed(order, shopper, body_digest)
    if earlier is not None:
        return earlier
    if not photo.is_house:
        _require_consent(order, shopper)
        if not privacy.has_consented(shopper):
            privacy.record_consent(shopper, order.locale)
    row = _save_photo(order, photo, is_new_photo, shopper)
    request = build_request(
        described,
        options,
        order.options,
        row,
        product_image,
        is_own_photo=not row.is_house,
        shopper=shopper,
        idempotency_key_hash=order.key_hash,
        idempotency_digest=body_digest,
    )
    source = _find_render_to_share(request, row)
    if source is None and row.is_house:
        source = _create_house_render(request, order)
    if source is not None:
        return _share_render(request, source, order)
    _create_paid(request, request, order)
    return AcceptedRequest(request, is_ready=False)


def _find_render_to_share(request: TryOnRequest, photo: PersonPhoto) -> TryOnRequest | None:
    """Find the shared render of a house model, or an equal completed render of the shopper's own photo."""
    if photo.is_house:
        return find_shared_render(request)
    rows = TryOnRequest.objects.select_for_update()
    own = rows.filter(shopper=request.shopper, source=None, state=State.COMPLETED)
    found = (own.filter(cache_key=key).order_by("-created_at").first() for key in equal_render_keys(request))
    return next((row for row in found if row is not None), None)


def _share_render(request: TryOnRequest, source: TryOnRequest, order: TryOnOrder) -> AcceptedRequest:
    """Store a request that shares a paid render and completes together with it."""
    assert request.shopper is not None
    request.source = source
    request.cached = source.state == State.COMPLETED
    if not request.quota_ids:
        quotas.consume_shared(request.shopper, order.addresses)
    if not request.cached:
        quotas.check_in_flight(request.shopper, order.addresses)
        _set_address_key(request, order)
    lifecycle.accept(request, amount=None, detail={"source": str(source.pk)})
    lifecycle.complete_follower(request, source)
    return AcceptedRequest(request, is_ready=request.cached)


def _create_paid(render: TryOnRequest, request: TryOnRequest, order: TryOnOrder) -> None:
    """Store a paid render, and count it for the shopper of `request`, the same row or its future follower."""
    assert request.shopper is not None
    image_count = engines.image_count(render.engine, render.options)
    request.quota_ids = quotas.consume(request.shopper, order.addresses, image_count)
    request.counted_images = image_count
    quotas.check_in_flight(request.shopper, order.addresses)
    _set_address_key(request, order)
    lifecycle.accept(render, amount=engines.price(render.engine, render.options))


def _set_address_key(request: TryOnRequest, order: TryOnOrder) -> None:
    request.address_key = order.addresses[0] if order.addresses else ""


def _create_house_render(request: TryOnRequest, order: TryOnOrder) -> TryOnRequest:
    """Find or create the shared render. A new one counts towards the quota of the shopper who requests it."""

    def pay(render: TryOnRequest) -> None:
        _create_paid(render, request, order)

    render, is_new = create_shared_render(request, pay)
    if not is_new:
        request.quota_ids, request.counted_images = [], 0
    return render
