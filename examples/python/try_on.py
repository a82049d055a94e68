"""Try a product on, with a client that was generated from the shop's OpenAPI schema.

python try_on.py https://shop.example shop.product:42 me.jpg result.jpg
"""

import sys
import time
from io import BytesIO
from pathlib import Path
from uuid import uuid4

from shop_client import Client
from shop_client.api.try_on import tryon_create, tryon_erase, tryon_feedback, tryon_get, tryon_start
from shop_client.models import VtonError, VtonFeedback, VtonFeedbackValue, VtonTryOn, VtonTryOnForm
from shop_client.models import VtonTryOnStatus as Status
from shop_client.types import File, Response

RUNNING = {Status.QUEUED, Status.PROCESSING}


def parse(answer: Response[VtonError | VtonTryOn]) -> VtonTryOn:
    if not isinstance(answer.parsed, VtonTryOn):
        sys.exit(f"{answer.status_code}: {answer.content.decode()}")
    return answer.parsed


def try_on(shop: Client, product: str, photo: Path, result: Path) -> None:
    start = tryon_start.sync_detailed(client=shop, product=product).parsed
    if start is None or isinstance(start, VtonError) or not start.enabled:
        sys.exit(f"This product cannot be tried on: {start}")
    print(start.consent.text)
    form = VtonTryOnForm(
        product=product,
        photo=File(payload=BytesIO(photo.read_bytes()), file_name="me.jpg", mime_type="image/jpeg"),
        consent=input("Do you agree? [y/n] ") == "y",
        consent_version=start.consent.version,
    )
    # If no response arrives, send the same key again: the same try-on comes back, and is paid once.
    answer = tryon_create.sync_detailed(
        client=shop, body=form, x_csrftoken=start.csrf_token, idempotency_key=str(uuid4())
    )
    while (found := parse(answer)).status in RUNNING:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = tryon_get.sync_detailed(found.id, client=shop)
    if found.status != Status.COMPLETED:
        sys.exit(found.error.message if found.error else found.status.value)
    # The client's cookies show whose image it is.
    result.write_bytes(shop.get_httpx_client().get(found.images[0].url).content)
    liked = VtonFeedback(value=VtonFeedbackValue.LIKE)
    parse(tryon_feedback.sync_detailed(found.id, client=shop, body=liked, x_csrftoken=start.csrf_token))
    tryon_erase.sync_detailed(found.id, client=shop, x_csrftoken=start.csrf_token)


if __name__ == "__main__":
    url, product, photo, result = sys.argv[1:]
    # Over HTTPS, Django accepts a write only with an Origin or a Referer of the shop.
    with Client(base_url=url, headers={"Referer": url}, raise_on_unexpected_status=True) as shop:
        try_on(shop, product, Path(photo), Path(result))
