"""Create rows in the states that real renders leave behind."""

import io
import uuid
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from django_vton import lifecycle
from django_vton.house_models import add
from django_vton.images import normalize_person_photo
from django_vton.intake import save_photo_files
from django_vton.models import Attempt, PersonPhoto, ProductImage, Shopper, TryOnImage, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.utils.tokens import new_token


def jpeg(width: int = 400, height: int = 500, color: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, "JPEG")
    return out.getvalue()


def create_guest() -> Shopper:
    return Shopper.objects.create(token_hash=new_token())


def create_house_model(name: str = "Noa") -> PersonPhoto:
    return add(name=name, file=io.BytesIO(jpeg()))


def create_photo(shopper: Shopper) -> PersonPhoto:
    row = PersonPhoto(shopper=shopper, is_reusable=True, expires_at=timezone.now() + timedelta(days=1))
    save_photo_files(row, normalize_person_photo(io.BytesIO(jpeg(color="navy"))))
    row.save(force_insert=True)
    return row


def create_tryon(
    shopper: Shopper | None,
    *,
    photo: PersonPhoto | None = None,
    source: TryOnRequest | None = None,
    title: str = "Linen shirt",
    product: str = "shop.product:42",
    engine: str = "fashn-v1.6",
    **fields: Any,
) -> TryOnRequest:
    """Create a queued try-on with its attempt, or a follower if it has a source."""
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


def set_state(request: TryOnRequest, state: State, error_code: str = "", **fields: Any) -> TryOnRequest:
    """Set a state directly, without the transition."""
    TryOnRequest.objects.filter(pk=request.pk).update(state=state, error_code=error_code, **fields)
    request.refresh_from_db()
    return request


def update_attempt(request: TryOnRequest, **fields: Any) -> Attempt:
    Attempt.objects.filter(request=request).update(**fields)
    return request.attempts.get()


def complete_tryon(request: TryOnRequest, images: int = 1) -> TryOnRequest:
    """Complete a try-on: paid, with its images stored."""
    for position in range(images):
        image = TryOnImage(
            request=request, position=position, content_type="image/jpeg", width=400, height=500
        )
        image.file.save("result.jpg", ContentFile(jpeg()), save=False)
        image.thumbnail.save("result.jpg", ContentFile(jpeg(80, 100)), save=False)
        image.save(force_insert=True)
    update_attempt(
        request,
        money=Money.SPENT,
        outcome="accepted",
        vendor_id=f"fashn-{uuid.uuid4().hex}",
        answered_at=timezone.now(),
    )
    return set_state(request, State.COMPLETED, image_count=images)


def create_house_render(photo: PersonPhoto) -> TryOnRequest:
    """Create a completed render on a house model. It has no shopper and can be shared."""
    return complete_tryon(create_tryon(None, photo=photo, shared_key=uuid.uuid4().hex))


def create_sendable_tryon(**fields: Any) -> TryOnRequest:
    """Create a queued try-on with a photo and a product image, so that it can be sent."""
    shopper = create_guest()
    product_image = ProductImage.objects.create(source_digest=uuid.uuid4().hex, product="shop.product:42")
    return create_tryon(shopper, **{"photo": create_photo(shopper), "product_image": product_image, **fields})


def create_unresolved_tryon(code: str = "outcome_unknown", minutes: int = 20) -> TryOnRequest:
    """Create a try-on that was sent some minutes ago and failed with its money spent."""
    request = create_sendable_tryon()
    now = timezone.now()
    attempt = update_attempt(request, posted_at=now - timedelta(minutes=minutes))
    lifecycle.transition.settle([attempt], Money.SPENT)
    return set_state(request, State.FAILED, code, due_at=None, finished_at=now)


def create_failed_tryon(code: str = "vendor", **fields: Any) -> TryOnRequest:
    """Create a charged try-on that failed at the vendor."""
    request = create_sendable_tryon(**fields)
    now = timezone.now()
    attempt = update_attempt(request, posted_at=now, answered_at=now)
    lifecycle.transition.settle([attempt], Money.SPENT)
    return set_state(request, State.FAILED, code, due_at=None, finished_at=now)
