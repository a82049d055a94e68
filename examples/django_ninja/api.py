"""A headless shop's own endpoints, beside the try-on API: `path("shop-api/", api.urls)`."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import File, NinjaAPI, Schema
from ninja.files import UploadedFile
from ninja.security import APIKeyCookie, SessionAuth

from django_vton import conversions, products
from django_vton.exceptions import Refused
from django_vton.images import ImageRefused
from django_vton.rendering import render
from shop.cart import Cart
from shop.models import Product

api = NinjaAPI(title="Shop")


class ProductOut(Schema):
    name: str
    slug: str
    try_on: str
    """What the try-on API calls `product`."""

    @staticmethod
    def resolve_try_on(product: Product) -> str:
        return products.reference(product)


class RenderOut(Schema):
    id: str
    state: str


class Visitor(APIKeyCookie):
    """Guests too. Only an operation with such a class has its CSRF token checked by django-ninja."""

    param_name = settings.CSRF_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return key


class Merchant(SessionAuth):
    """Staff who may spend money on renders."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return request.user if request.user.has_perm("vton.spend") else None


@api.get("/products", response=list[ProductOut])
def list_products(request: HttpRequest) -> Any:
    return Product.objects.filter(is_public=True)


@api.post("/cart/{slug}", auth=Visitor(), response={204: None})
def add_to_cart(request: HttpRequest, slug: str) -> None:
    product = get_object_or_404(Product, slug=slug, is_public=True)
    cart = Cart(request)
    conversions.added(request, product, cart.reference(cart.add(product)))


@api.post("/products/{slug}/render", auth=Merchant(), response={202: RenderOut})
def order_render(request: HttpRequest, slug: str, photo: File[UploadedFile]) -> Any:
    try_on = render(get_object_or_404(Product, slug=slug), photo.read())
    return {"id": str(try_on.pk), "state": try_on.state}


@api.exception_handler(Refused)
@api.exception_handler(ImageRefused)
def refused(request: HttpRequest, error: Refused | ImageRefused) -> HttpResponse:
    """Nothing was spent. `code` is one of the codes that the try-on API documents."""
    return api.create_response(request, {"code": error.code}, status=getattr(error, "status", 400))
