"""The export of a shopper's data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django_vton import privacy
from django_vton.intake import feedback
from shop.models import Product

from ..intake_helpers import (
    get_shopper,
    order_tryon,
    user_visitor,
)
from ..tryons import complete_tryon

if TYPE_CHECKING:
    from ..conftest import PhotoMaker


def test_the_export_has_all_data_of_one_shopper_only(shirt: Product, phone_photo: PhotoMaker) -> None:
    ada = user_visitor("ada")
    first = complete_tryon(
        order_tryon(shirt, ada, phone_photo(shade=1), keep_photo=True, locale="de").request
    )
    again = order_tryon(shirt, ada, phone_photo(shade=1)).request
    other = order_tryon(shirt, user_visitor("bob"), phone_photo(shade=2)).request
    feedback.save(first, "dislike", "not_like_me")
    exported = privacy.export_shopper(get_shopper(ada))

    text = json.dumps(exported)
    assert str(other.pk) not in text
    assert str(other.photo_id) not in text
    assert {it["id"] for it in exported["try_ons"]} == {str(first.pk), str(again.pk)}
    image = str(first.images.get().pk)
    assert [it["images"] for it in exported["try_ons"]] == [[image], [image]]
    opinions = [(it["feedback"], it["feedback_reason"]) for it in exported["try_ons"]]
    assert opinions == [("dislike", "not_like_me"), ("", "")]
    assert [(it["id"], it["kept"]) for it in exported["photos"]] == [(str(first.photo_id), True)]
    assert exported["consents"][0] | {"locale": "de", "recipient": "Pixazo"} == exported["consents"][0]
    assert [it["used"] for it in exported["quotas"]] == [1]
    assert exported["shopper"]["created_at"]
    assert not any(privacy.export_shopper(None).values())
    assert privacy.export_shopper(None).keys() == exported.keys()
