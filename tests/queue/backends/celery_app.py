"""How a shop connects Celery, as in docs: one task that calls a function by its dotted path."""

import os

from celery import Celery
from django.utils.module_loading import import_string

app = Celery("shop", broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
app.conf.beat_schedule = {
    "wake": {"task": "vton", "schedule": 60, "args": ["django_vton.tasks.wake"]},
    "purge": {"task": "vton", "schedule": 3600, "args": ["django_vton.tasks.purge"]},
}


@app.task(name="vton", ignore_result=True)  # type: ignore[untyped-decorator]
def call(path: str) -> None:
    import_string(path)()


def enqueue(path: str) -> None:
    call.delay(path)
