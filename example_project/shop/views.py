import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from django_vton import conversions
from shop.cart import MAX_QUANTITY, Cart
from shop.forms import AddForm, QuantityForm
from shop.models import Kind, Product


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    products = Product.objects.filter(is_public=True)
    kinds = [kind for kind in Kind if kind in set(products.values_list("kind", flat=True))]
    selected = request.GET.get("kind", "")
    if selected in Kind.values:
        products = products.filter(kind=selected)
    return render(request, "shop/index.html", {"products": products, "kinds": kinds, "selected": selected})


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    item = get_object_or_404(Product, slug=slug, is_public=True)
    others = Product.objects.filter(is_public=True).exclude(pk=item.pk).exclude(kind=item.kind)[:4]
    return render(request, "shop/product.html", {"product": item, "form": AddForm(item), "others": others})


@require_POST
def cart_add(request: HttpRequest, slug: str) -> HttpResponse:
    item = get_object_or_404(Product, slug=slug, is_public=True)
    form = AddForm(item, request.POST)
    if not form.is_valid():
        return render(request, "shop/product.html", {"product": item, "form": form}, status=422)
    cart = Cart(request)
    key = cart.add(item, form.cleaned_data.get("size", ""))
    conversions.added(request, item, cart.reference(key))
    messages.success(request, _("“%(name)s” is in your bag.") % {"name": item.name})
    return redirect("shop:cart")


@require_safe
def cart_page(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/cart.html", {"lines": list(Cart(request)), "max_quantity": MAX_QUANTITY})


@require_POST
def cart_change(request: HttpRequest) -> HttpResponse:
    cart = Cart(request)
    key = request.POST.get("line", "")
    form = QuantityForm(request.POST)
    if key in cart.quantities and form.is_valid():
        cart.set(key, form.cleaned_data["quantity"])
        messages.success(request, _("Your bag is up to date."))
    else:
        messages.error(request, _("That did not work. Please choose a number from 0 to %d.") % MAX_QUANTITY)
    return redirect("shop:cart")


@require_POST
def checkout(request: HttpRequest) -> HttpResponse:
    """A real shop would ask for an address and a payment here."""
    cart = Cart(request)
    order = uuid.uuid4().hex[:8]
    for key in cart.quantities:
        conversions.purchased(request, cart.reference(key), order)
    cart.clear()
    return redirect("shop:thanks")


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/thanks.html")
