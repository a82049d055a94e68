from django_vton.contrib.wagtail.tryon import PageItemTryOn
from django_vton.products import register


@register("looks.Garment")
class GarmentTryOn(PageItemTryOn):
    pass
