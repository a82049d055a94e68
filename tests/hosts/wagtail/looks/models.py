from django.db import models
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import InlinePanel
from wagtail.models import Orderable, Page


class LookPage(Page):
    """A look of the season, made of several garments."""

    content_panels = [*Page.content_panels, InlinePanel("garments")]


class Garment(Orderable):
    page = ParentalKey(LookPage, on_delete=models.CASCADE, related_name="garments")
    name = models.CharField(max_length=100)
    image = models.ForeignKey("wagtailimages.Image", on_delete=models.SET_NULL, null=True, blank=True)

    def __str__(self):
        return self.name
