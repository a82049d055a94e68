from django_vton.contrib.oscar.tryon import OscarTryOn
from django_vton.products import register


@register("catalogue.Product")
class ProductTryOn(OscarTryOn):
    def is_enabled(self, product):
        return super().is_enabled(product) and self.get_main(product).get_product_class().name == "Clothes"

    def get_options(self, product):
        return {"category": "top"}
