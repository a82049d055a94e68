from django.core.files.base import ContentFile
from django.db import models
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import InlinePanel
from wagtail.images.models import AbstractImage, AbstractRendition, Image
from wagtail.models import Orderable, Page

from django_vton.images import keep_provenance


class LookPage(Page):
    """A look of the season, made of several garments."""

    content_panels = [*Page.content_panels, InlinePanel("garments")]


class Garment(Orderable):
    page = ParentalKey(LookPage, on_delete=models.CASCADE, related_name="garments")
    name = models.CharField(max_length=100)
    image = models.ForeignKey("wagtailimages.Image", on_delete=models.SET_NULL, null=True, blank=True)

    def __str__(self):
        return self.name


class MarkedImage(AbstractImage):
    admin_form_fields = Image.admin_form_fields

    def generate_rendition_file(self, filter, *, source=None):
        rendition = super().generate_rendition_file(filter, source=source)
        with self.file.storage.open(self.file.name) as original:  # Several threads may run this at once.
            return ContentFile(keep_provenance(original, rendition), rendition.name)


class MarkedRendition(AbstractRendition):
    image = models.ForeignKey(MarkedImage, on_delete=models.CASCADE, related_name="renditions")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image", "filter_spec", "focal_point_key"], name="unique_rendition"
            )
        ]
