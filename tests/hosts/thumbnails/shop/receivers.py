from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.dispatch import receiver
from easy_thumbnails.models import Thumbnail
from easy_thumbnails.signals import thumbnail_created

from django_vton.images import keep_provenance


@receiver(thumbnail_created)
def keep_mark(sender, **kwargs):
    storage, name = sender.storage, sender.name
    source = Thumbnail.objects.filter(name=name).latest("modified").source
    with default_storage.open(source.name) as original, storage.open(name) as thumbnail:
        before, data = thumbnail.read(), keep_provenance(original, thumbnail)
    if data != before:
        storage.delete(name)
        storage.save(name, ContentFile(data))
