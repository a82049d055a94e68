from django.dispatch import receiver
from oscar.apps.basket.signals import basket_addition
from oscar.apps.order.signals import order_placed

from django_vton import conversions
from django_vton.products import TryOn, register


@register("catalogue.Product")
class ProductTryOn(TryOn):
    def get_main(self, product):
        return product.parent or product

    def is_enabled(self, product):
        return product.is_public and self.get_main(product).is_public and not product.is_parent

    def get_image(self, product):
        return getattr(product.primary_image(), "original", None)


@receiver(basket_addition)
def basket_has_it(sender, request, product, **kwargs):
    conversions.added(request, product, reference=sender.line.pk)


@receiver(order_placed)
def order_has_it(order, **kwargs):
    for line in order.basket.all_lines():
        conversions.purchased(reference=line.pk, order=order.number)
