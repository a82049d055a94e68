import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.management.base import BaseCommand

from shop.catalogue import HOUSE_MODELS, PRODUCTS
from shop.models import Product

ASSETS = Path(settings.BASE_DIR) / "assets"


class Command(BaseCommand):
    help = "Create the products, the house models and the user admin. Can be run again."

    def handle(self, *args: Any, **options: Any) -> None:
        self.seed_products()
        self.seed_house_models()
        login = self.seed_admin()
        self.stdout.write(f"Lindenhof: {len(PRODUCTS)} products, {len(HOUSE_MODELS)} house models. {login}")

    def seed_products(self) -> None:
        """Create missing products; existing ones keep their edits."""
        for position, values in enumerate(PRODUCTS):
            slug = values["slug"]
            product, _created = Product.objects.get_or_create(
                slug=slug, defaults={**values, "position": position}
            )
            # The file may be missing although the row exists, if MEDIA_ROOT was temporary.
            if not product.photo.name or not product.photo.storage.exists(product.photo.name):
                with (ASSETS / f"{slug}.jpg").open("rb") as file:
                    product.photo.save(f"{slug}.jpg", File(file))

    def seed_house_models(self) -> None:
        from django_vton import house_models

        for model in HOUSE_MODELS:
            with (ASSETS / model["file"]).open("rb") as file:
                house_models.add(name=model["name"], file=file, suits=model["suits"], labels=model["labels"])

    def seed_admin(self) -> str:
        """Create the user admin; returns a message about how to log in."""
        user, created = get_user_model().objects.get_or_create(
            username="admin", defaults={"is_staff": True, "is_superuser": True}
        )
        configured = os.environ.get("DEMO_ADMIN_PASSWORD", "")
        if not configured and not created:
            return "Admin: user admin, password unchanged."
        password = configured or secrets.token_urlsafe(9)
        if created or not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        return f"Admin: user admin, password {password}"
