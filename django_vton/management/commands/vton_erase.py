"""`manage.py vton_erase USER`: erase a shopper's data, for requests that arrive by letter or mail."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from ... import privacy
from ...models import Shopper


class Command(BaseCommand):
    help = "Erases all try-ons, photos and consents of a user. The costs stay, without a link to the user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="The user name, as entered at login.")

    def handle(self, *_args: Any, user: str, **_options: Any) -> None:
        users = get_user_model()._default_manager
        found = users.filter(**{get_user_model().USERNAME_FIELD: user}).first()
        if found is None:
            raise CommandError(f"There is no user {user!r}.")
        shopper = Shopper.objects.filter(user_id=found.pk).first()
        if shopper is None:
            self.stdout.write("Nothing is stored about this user.")
            return
        privacy.erase_shopper(shopper)
        self.stdout.write("Erased.")
