from django_vton.products import TryOn, register


@register("looks.Garment")
class GarmentTryOn(TryOn):
    def is_enabled(self, garment):
        return garment.page.live

    def get_image(self, garment):
        return garment.image and garment.image.file

    def get_url(self, garment):
        return garment.page.url or ""
