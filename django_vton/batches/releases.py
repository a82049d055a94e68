"""End the use of house models whose release has ended. A schedule runs this every hour."""

from __future__ import annotations

import logging

from ..models import PersonPhoto, Publication
from ..models.photos import release_today
from .control import pause_for_house_model
from .publishing import unpublish_all

logger = logging.getLogger(__name__)


def deactivate(photo: PersonPhoto) -> None:
    """Deactivate a house model whose release has ended, and pause the batches that wait for it."""
    if PersonPhoto.objects.filter(pk=photo.pk, is_active=True).update(is_active=False):
        logger.warning("The release of house model %s has ended.", photo.pk)
        pause_for_house_model(photo)


def end_releases(*, seconds: float = 20) -> int:
    """Deactivate them, and unpublish their renders for about `seconds`. Return how many were removed.

    They are not offered or rendered since the day after the end, whenever this runs. What is not removed in
    time, or because the shop's code fails, is tried again at the next run.
    """
    ended = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.HOUSE, release_ends__lt=release_today())
    for photo in ended.filter(is_active=True):
        deactivate(photo)
    removed, problem = unpublish_all(Publication.objects.on_house_models(ended), seconds=seconds)
    if problem:
        logger.error("A render on a house model whose release has ended is still in the shop: %s", problem)
    return removed
