"""Renders of the catalogue on house models, in batches: for the admin, the commands and the shop's own tasks.

    from django_vton import batches

    batch = batches.start(Product.objects.filter(is_new=True), house_models, user=request.user)
    batches.progress(batch).completed

Nothing here waits for a render: `start` stores the selection and rings, and a worker does the rest. What a
batch has reached is read from the rows each time, so that no number can drift.
"""

from .control import cancel, pause, resume, retry
from .drafts import Preview, confirm, draft, missing, preview, start
from .progress import Progress, progress
from .publishing import Published, publish, publish_accepted, unpublish
from .review import accept, reject, undo

__all__ = [
    "Preview",
    "Progress",
    "Published",
    "accept",
    "cancel",
    "confirm",
    "draft",
    "missing",
    "pause",
    "preview",
    "progress",
    "publish",
    "publish_accepted",
    "reject",
    "resume",
    "retry",
    "start",
    "undo",
    "unpublish",
]
