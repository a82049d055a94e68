"""The app's configuration: its label, its receivers, and the search for `tryon.py` in the shop's apps."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class VtonConfig(AppConfig):
    """`django_vton` in INSTALLED_APPS."""

    name = "django_vton"
    label = "vton"
    verbose_name = _("virtual try-on")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what must not be forgotten, then let the shop's apps register their products."""
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_delete, post_migrate, pre_delete

        from . import privacy, roles
        from .checks import register
        from .models import HouseModel, PersonPhoto, ProductImage, Shopper, TryOnImage
        from .queue.q2 import register_schedules

        register()
        # A proxy sends its own signals.
        for model in (PersonPhoto, HouseModel, ProductImage, TryOnImage):
            post_delete.connect(
                privacy.delete_files_after_commit, sender=model, dispatch_uid=f"vton.{model.__name__}"
            )
        pre_delete.connect(privacy.erase_deleted_shopper, sender=Shopper, dispatch_uid="vton.shopper")
        user_logged_in.connect(_claim, dispatch_uid="vton.claim")
        post_migrate.connect(register_schedules, sender=self, dispatch_uid="vton.schedules")
        post_migrate.connect(roles.create_groups, sender=self, dispatch_uid="vton.roles")
        autodiscover_modules("tryon")


def _claim(*, request: Any, user: Any, **_kwargs: Any) -> None:
    from .shoppers import merge_guest

    if request is not None:
        merge_guest(request, user)
