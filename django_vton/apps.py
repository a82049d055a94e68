"""The app configuration, which connects receivers and imports the `tryon` modules of installed apps."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class VtonConfig(AppConfig):
    """`django_vton` in INSTALLED_APPS."""

    name = "django_vton"
    label = "vton"
    verbose_name = _("Virtual try-on")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks, connect receivers and let the shop's apps register their products."""
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_delete, post_migrate, post_save, pre_delete

        from . import privacy, products, roles
        from .checks import register
        from .intake import product_checks
        from .models import HouseModel, PersonPhoto, ProductImage, Shopper, TryOnImage
        from .queue import q2
        from .shoppers import merge_guest
        from .utils import database

        register()
        database.renew_pools_after_fork()
        # Signals of a proxy model have the proxy as sender.
        for model in (PersonPhoto, HouseModel, ProductImage, TryOnImage):
            post_delete.connect(
                privacy.delete_files_after_commit, sender=model, dispatch_uid=f"vton.{model.__name__}"
            )
        pre_delete.connect(privacy.erase_deleted_shopper, sender=Shopper, dispatch_uid="vton.shopper")
        user_logged_in.connect(merge_guest, dispatch_uid="vton.merge_guest")
        post_migrate.connect(q2.register_schedules, sender=self, dispatch_uid="vton.schedules")
        post_migrate.connect(roles.create_groups, sender=self, dispatch_uid="vton.roles")
        q2.observe_workers()
        autodiscover_modules("tryon")
        for product_model in products.registered():
            for signal in (post_save, post_delete):
                signal.connect(product_checks.mark_changed, sender=product_model, dispatch_uid="vton.product")
