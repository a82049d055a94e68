import pytest
from django.test import Client

from django_vton.models import Conversion, Shopper, TryOnRequest
from django_vton.shoppers import SESSION_KEY
from django_vton.utils.tokens import hash_token
from shop.models import Product
from tests.tryons import product_ref

pytestmark = pytest.mark.django_db


def test_cart_and_order_after_a_try_on_are_recorded_as_conversions(client: Client, shirt: Product) -> None:
    session = client.session
    session[SESSION_KEY] = "mine"
    session.save()
    TryOnRequest.objects.create(
        shopper=Shopper.objects.create(token_hash=hash_token("mine")),
        product=product_ref(shirt),
        main_product=product_ref(shirt),
        engine="fashn-v1.6",
        state="completed",
        image_count=1,
    )

    client.post(f"/products/{shirt.slug}/add/")
    client.post("/checkout/")

    added, bought = Conversion.objects.order_by("pk")
    assert (added.kind, bought.kind) == ("added", "purchased")
    assert added.reference == bought.reference
    assert bought.order

    client.post(f"/products/{shirt.slug}/add/")
    third = Conversion.objects.order_by("pk")[2]
    assert third.reference != added.reference, "another cart"
