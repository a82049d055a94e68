from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from easy_thumbnails.files import get_thumbnailer
from PIL import Image
from sorl.thumbnail import get_thumbnail

from django_vton.products import TryOn, register

IMAGES = {
    "imagekit": lambda product: product.imagekit,
    "imagekit-processed": lambda product: product.processed,
    "sorl": lambda product: get_thumbnail(product.photo, "400x480"),
    "sorl-field": lambda product: product.sorl,
    "easy": lambda product: product.easy["card"],
    "easy-thumbnailer": lambda product: get_thumbnailer(product.photo).get_thumbnail({"size": (400, 480)}),
    "easy-field": lambda product: product.easy,
    "versatile": lambda product: product.versatile.thumbnail["400x480"],
    "versatile-field": lambda product: product.versatile,
    "name": lambda product: product.photo.name,
    "path": lambda product: Path(product.photo.path),
    "bytes": lambda product: product.read_photo(),
    "url": lambda product: urljoin(settings.VTON["PUBLIC_BASE_URL"], product.photo.url),
    "pillow": lambda product: Image.open(product.photo),
}


@register("shop.Product")
class ProductTryOn(TryOn):
    def get_image(self, product):
        return IMAGES[product.image](product)
