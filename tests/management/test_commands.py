from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_vton.models import PersonPhoto, Shopper, TryOnRequest

from ..intake_helpers import StoredFiles, order_tryon, user_visitor
from ..tryons import complete_tryon

if TYPE_CHECKING:
    from shop.models import Product

    from ..conftest import PhotoMaker


def run(name: str, *args: str) -> str:
    out = io.StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_purge_deletes_expired_data_and_can_be_repeated(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    for shade in range(2):
        complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=shade)).request)
    PersonPhoto.objects.update(expires_at=timezone.now())
    TryOnRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    output = run("vton_purge")
    assert "photos: 2 deleted" in output
    assert "try_ons: 2 deleted" in output
    assert files.names("photos") == files.names("results") == set()
    assert "try_ons: 0 deleted" in run("vton_purge")


@pytest.mark.django_db(transaction=True)
def test_erase_deletes_the_data_of_one_user_only(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    order_tryon(shirt, user_visitor("ada"), phone_photo(shade=1), keep_photo=True)
    other = order_tryon(shirt, user_visitor("bob"), phone_photo(shade=2)).request
    assert run("vton_erase", "ada") == "Erased.\n"
    assert Shopper.objects.get() == other.shopper
    assert PersonPhoto.objects.get() == other.photo
    assert len(files.names("photos")) == 2
    assert User.objects.filter(username="ada").exists()
    assert "Nothing is stored" in run("vton_erase", "ada")


@pytest.mark.django_db
def test_erase_reports_an_unknown_user() -> None:
    with pytest.raises(CommandError, match="no user 'nobody'"):
        run("vton_erase", "nobody")
