"""A large catalogue and its admin page, as the child process of `products`.

Arguments: numbers of products, try-ons and rounds. A tenth of the products have no try-ons. A quarter of the
try-ons are renders of batches; of these, each tenth is outdated, and each fifth is in the shop.
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median

import django

QUERIES = {
    "the shop's order": "",
    "last page": "page=100000",
    "search": "q=number+42",
    "by name": "sort=name",
    "by try-ons": "sort=try_ons",
    "by renders": "sort=current",
    "by cost": "sort=cost",
    "by likes": "sort=likes",
    "by conversions": "sort=bought",
    "usable": "status=usable",
    "cannot be used": "status=unusable",
    "without renders": "status=missing",
    "outdated": "status=outdated",
    "in the shop": "status=published",
    "outdated, by cost": "status=outdated&sort=cost",
}


def create_rows(products: int, try_ons: int) -> None:
    """Create the products with their checks, and the try-ons with what belongs to them."""
    from django.db import connection
    from django.utils import timezone

    from django_vton.models import (
        Attempt,
        Batch,
        BatchRender,
        Conversion,
        PersonPhoto,
        ProductCheck,
        Publication,
        Shopper,
        TryOnImage,
        TryOnRequest,
    )
    from shop.models import Product
    from tests.admin.large_table import ATTEMPT_COLUMNS, TRYON_COLUMNS

    from . import bulk_insert

    expressions = {"every": "60", "after": "0", "salt": "products"}
    product = {
        "id": "1 + n",
        "name": "'Linen shirt number ' || n",
        "slug": "'linen-shirt-' || n",
        "kind": "'top'",
        **dict.fromkeys(("tagline", "description", "material", "sizes"), "''"),
        "price": "10",
        "photo": "'products/' || n || '.jpg'",
        "is_public": "{true}",
        "position": "n % 100",
    }
    check = {
        "id": "1 + n",
        "product": "'shop.product:' || (1 + n)",
        "image_name": "'products/' || n || '.jpg'",
        "digest": "{hash}",
        "reason": "CASE WHEN n % 50 = 0 THEN 'too_small' ELSE '' END",
        "problem": "CASE WHEN n % 50 = 0 THEN 'The product picture is too small.' ELSE '' END",
        "checked_at": "{at}",
    }
    ref = f"'shop.product:' || (1 + n / 4 % {products * 9 // 10})"
    tryon = TRYON_COLUMNS | {
        "shopper_id": "CASE WHEN n % 4 = 0 THEN NULL ELSE {shopper} END",
        "product": ref,
        "main_product": ref,
        "photo_id": "CASE WHEN n % 4 = 0 THEN {photo} ELSE NULL END",
        "shared_key": "CASE WHEN n % 4 = 0 THEN {hash} ELSE NULL END",
    }
    photo = PersonPhoto.objects.create(
        kind=PersonPhoto.Kind.HOUSE, name="Noa", file="noa.jpg", thumbnail="noa.jpg", width=900, height=1200
    )
    keys = {
        "photo": f"'{bulk_insert.sql_uuid(photo.pk)}'",
        "shopper": str(Shopper.objects.create().pk),
    }
    bulk_insert.insert(Product, product, products, **expressions)
    bulk_insert.insert(ProductCheck, check, products, **expressions)
    bulk_insert.insert(TryOnRequest, tryon, try_ons, **expressions, **keys)
    bulk_insert.insert(Attempt, ATTEMPT_COLUMNS, try_ons, **expressions)
    batch = Batch.objects.create(status=Batch.Status.RUNNING)
    shared = list(TryOnRequest.objects.filter(shopper=None).order_by("pk").values_list("pk", "product"))
    BatchRender.objects.bulk_create(
        BatchRender(
            batch=batch,
            position=n,
            product=name,
            photo=photo,
            status=BatchRender.Status.REQUESTED,
            request_id=pk,
            product_digest="digest",
            is_outdated=n % 10 == 0,
        )
        for n, (pk, name) in enumerate(shared)
    )
    images = TryOnImage.objects.bulk_create(
        TryOnImage(request_id=pk, file="a", thumbnail="a", width=9, height=9, published_at=timezone.now())
        for pk, _name in shared[::5]
    )
    Publication.objects.bulk_create(
        Publication(image=image, product=name, main_product=name)
        for image, (_pk, name) in zip(images, shared[::5], strict=True)
    )
    bought = TryOnRequest.objects.filter(shopper__isnull=False).values_list("pk", "product")[: try_ons // 20]
    Conversion.objects.bulk_create(
        Conversion(request_id=pk, kind=kind, product=name, reference=str(pk))
        for pk, name in bought
        for kind in Conversion.Kind.values
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def main() -> None:
    """Print the median seconds of each page as one line of JSON."""
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    settings.ALLOWED_HOSTS = ["*"]
    products, try_ons, rounds = map(int, sys.argv[1:])
    create_rows(products, try_ons)
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    times: dict[str, list[float]] = {name: [] for name in QUERIES}
    for turn in range(rounds + 1):
        for name, query in QUERIES.items():
            began = time.perf_counter()
            response = client.get(f"{reverse('admin:vton_productcheck_changelist')}?{query}")
            if turn:  # The first round is for warming up.
                times[name].append(time.perf_counter() - began)
            assert response.status_code == 200, (query, response.status_code)
            assert b"vton-thumb" in response.content, query
    print(json.dumps({name: median(values) for name, values in times.items()}))


if __name__ == "__main__":
    main()
