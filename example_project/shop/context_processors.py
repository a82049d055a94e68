from django.http import HttpRequest

from shop.cart import Cart


def cart(request: HttpRequest) -> dict[str, Cart]:
    return {"cart": Cart(request)}
