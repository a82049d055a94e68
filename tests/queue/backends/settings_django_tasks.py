"""The example shop with Django's tasks, stored in the database; on Django 5.2 with the backport."""

import django

from .settings_no_queue import *  # noqa: F403

INSTALLED_APPS += ["django_tasks_db"]  # noqa: F405 - from the shop's settings
if django.VERSION < (6, 0):
    INSTALLED_APPS += ["django_tasks"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
VTON["ENQUEUE"] = "django_vton.queue.by_django_tasks"  # noqa: F405 - from the shop's settings
