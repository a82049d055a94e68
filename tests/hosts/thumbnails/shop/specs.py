from django.core.files.base import ContentFile
from imagekit import ImageSpec
from imagekit.processors import ResizeToFit

from django_vton.images import keep_provenance


class MarkedThumbnail(ImageSpec):
    processors = [ResizeToFit(400, 480)]
    format = "JPEG"

    def generate(self):
        return ContentFile(keep_provenance(self.source, super().generate()))
