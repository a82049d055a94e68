from django.db import models
from easy_thumbnails.fields import ThumbnailerImageField
from imagekit.models import ImageSpecField, ProcessedImageField
from imagekit.processors import ResizeToFit
from sorl.thumbnail import ImageField
from versatileimagefield.fields import VersatileImageField

from tests.hosts.thumbnails.shop import receivers  # noqa: F401 - a receiver of a signal
from tests.hosts.thumbnails.shop.specs import MarkedThumbnail


class Product(models.Model):
    image = models.CharField(max_length=40, unique=True)
    """Which image is tried on: a key of `IMAGES` in tryon.py."""

    photo = models.ImageField(upload_to="photos")
    imagekit = ImageSpecField(source="photo", processors=[ResizeToFit(400, 480)], format="JPEG")
    processed = ProcessedImageField(upload_to="processed", processors=[ResizeToFit(400, 480)], format="JPEG")
    marked = ImageSpecField(source="photo", spec=MarkedThumbnail)
    sorl = ImageField(upload_to="sorl")
    easy = ThumbnailerImageField(upload_to="easy")
    versatile = VersatileImageField(upload_to="versatile")

    def __str__(self):
        return self.image

    def get_absolute_url(self):
        return f"/{self.image}/"

    def read_photo(self):
        with self.photo.open() as file:
            return file.read()
