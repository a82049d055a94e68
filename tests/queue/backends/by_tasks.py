"""The example shop with Django's own tasks, in the database; on Django 5.2 by the backport."""

import django

from .alone import *  # noqa: F403

INSTALLED_APPS += ["django_tasks_db"]  # noqa: F405 - of the shop's settings
if django.VERSION < (6, 0):
    INSTALLED_APPS += ["django_tasks"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
VTON["ENQUEUE"] = "django_vton.queue.by_django_tasks"  # noqa: F405 - as above
