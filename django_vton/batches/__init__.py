"""Batches of product renders on house models, for the admin, the commands and the shop's own tasks.

    from django_vton import batches

    batch = batches.start(Product.objects.filter(is_new=True), house_models, user=request.user)
    batches.progress(batch).completed

No function here waits for a render. `start` stores the selection and wakes a worker.
"""

from .control import cancel, pause, resume, retry
from .drafts import Preview, confirm, draft, missing, outdated, preview, start
from .progress import Progress, progress
from .publishing import PublishResult, publish, publish_accepted, unpublish
from .rerendering import rerender
from .review import accept, accept_undecided, reject, undo

__all__ = [
    "Preview",
    "Progress",
    "PublishResult",
    "accept",
    "accept_undecided",
    "cancel",
    "confirm",
    "draft",
    "missing",
    "outdated",
    "pause",
    "preview",
    "progress",
    "publish",
    "publish_accepted",
    "reject",
    "rerender",
    "resume",
    "retry",
    "start",
    "undo",
    "unpublish",
]
