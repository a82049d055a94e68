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
    help = "Fills the shop: products, house models and the user admin. Run it as often as you like."

    def handle(self, *args: Any, **options: Any) -> None:
        self.seed_products()
        self.seed_house_models()
        login = self.seed_admin()
        self.stdout.write(f"Lindenhof: {len(PRODUCTS)} products, {len(HOUSE_MODELS)} house models. {login}")

    def seed_products(self) -> None:
        """Adds what is missing and leaves what somebody has edited since as it is."""
        for position, values in enumerate(PRODUCTS):
            slug = values["slug"]
            product, _created = Product.objects.get_or_create(
                slug=slug, defaults={**values, "position": position}
            )
            # The row may be older than the folder: a database outlives a temporary MEDIA_ROOT.
            if not product.photo.name or not product.photo.storage.exists(product.photo.name):
                with (ASSETS / f"{slug}.jpg").open("rb") as picture:
                    product.photo.save(f"{slug}.jpg", File(picture))

    def seed_house_models(self) -> None:
        from django_vton.house_models import add

        for model in HOUSE_MODELS:
            with (ASSETS / model["file"]).open("rb") as picture:
                add(name=model["name"], file=picture, suits=model["suits"], labels=model["labels"])

    def seed_admin(self) -> str:
        """Returns the sentence that tells how to log in."""
        user, created = get_user_model().objects.get_or_create(
            username="admin", defaults={"is_staff": True, "is_superuser": True}
        )
        given = os.environ.get("DEMO_ADMIN_PASSWORD", "")
        if not given and not created:
            return "Admin: user admin, with the password it had."
        password = given or secrets.token_urlsafe(9)
        if created or not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        return f"Admin: user admin, password {password}"
