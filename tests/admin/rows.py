"""Rows as they would be after real work, made by hand."""

import io
import uuid
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from django_vton import lifecycle
from django_vton.house_models import add
from django_vton.images import person_photo
from django_vton.intake import fill_photo
from django_vton.models import Attempt, PersonPhoto, ProductImage, Shopper, TryOnImage, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.utils.tokens import new_token


def jpeg(width: int = 400, height: int = 500, colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


def guest() -> Shopper:
    return Shopper.objects.create(token_hash=new_token())


def house_model(name: str = "Noa") -> PersonPhoto:
    return add(name=name, file=io.BytesIO(jpeg()))


def own_photo(shopper: Shopper) -> PersonPhoto:
    row = PersonPhoto(shopper=shopper, keep=True, expires_at=timezone.now() + timedelta(days=1))
    fill_photo(row, person_photo(io.BytesIO(jpeg(colour="navy"))))
    row.save(force_insert=True)
    return row


def tryon(
    shopper: Shopper | None,
    *,
    photo: PersonPhoto | None = None,
    source: TryOnRequest | None = None,
    title: str = "Linen shirt",
    product: str = "shop.product:42",
    engine: str = "fashn-v1.6",
    **fields: Any,
) -> TryOnRequest:
    """A queued try-on with its attempt; a follower where it has a source."""
    request = TryOnRequest(
        shopper=shopper,
        source=source,
        photo=photo,
        product=product,
        main_product=product,
        product_title=title,
        engine=engine,
        **fields,
    )
    lifecycle.accept(request, amount=None if source else 75_000)
    return request


def put(request: TryOnRequest, state: State, error_code: str = "", **fields: Any) -> TryOnRequest:
    """Into a state, as if it had got there."""
    TryOnRequest.objects.filter(pk=request.pk).update(state=state, error_code=error_code, **fields)
    request.refresh_from_db()
    return request


def attempt(request: TryOnRequest, **fields: Any) -> Attempt:
    Attempt.objects.filter(request=request).update(**fields)
    return request.attempts.get()


def complete(request: TryOnRequest, pictures: int = 1) -> TryOnRequest:
    """Paid, with its pictures stored."""
    for position in range(pictures):
        image = TryOnImage(
            request=request, position=position, content_type="image/jpeg", width=400, height=500
        )
        image.file.save("result.jpg", ContentFile(jpeg()), save=False)
        image.thumbnail.save("result.jpg", ContentFile(jpeg(80, 100)), save=False)
        image.save(force_insert=True)
    attempt(
        request,
        money=Money.SPENT,
        verdict="accepted",
        vendor_id=f"fashn-{uuid.uuid4().hex}",
        answered_at=timezone.now(),
    )
    return put(request, State.COMPLETED, image_count=pictures)


def house_render(photo: PersonPhoto) -> TryOnRequest:
    """A render of a house model: it belongs to nobody, and everybody may share it."""
    return complete(tryon(None, photo=photo, shared_key=uuid.uuid4().hex))


def lost(code: str = "outcome_unknown", minutes: int = 20) -> TryOnRequest:
    """Sent so long ago, failed, and its money spent."""
    shopper = guest()
    picture = ProductImage.objects.create(source_digest=uuid.uuid4().hex, product="shop.product:42")
    request = tryon(shopper, photo=own_photo(shopper), product_image=picture)
    now = timezone.now()
    sent = attempt(request, posted_at=now - timedelta(minutes=minutes))
    lifecycle.transition.settle(request, sent, Money.SPENT)
    return put(request, State.FAILED, code, due_at=None, finished_at=now)
