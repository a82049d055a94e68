"""Kinds of products, such as garments and bags: which photo a shopper is asked for, and what staff call them.

An engine names its kind (`Engine.kind`). A shop adds a kind with `KINDS["watch"] = Kind(...)`, for example in
its `tryon.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Example:
    """A photo that is drawn in the guidance for shoppers, with the text below it."""

    text: Text
    """A few words, such as "Feet cut off"."""
    image: str
    """A drawing, three units wide and four high, as a path for `{% static %}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of products, and the photos of people that suit it."""

    label: Text
    """The name of these products for staff, in the plural."""
    photo_heading: Text
    """The heading above the guidance, where the shopper chooses a photo."""
    camera_heading: Text
    """The heading above the camera's picture."""
    camera_frame: Literal["body", "face"] = "body"
    """The outline in the camera's picture: upright for a person, or an oval for a face."""
    good: Example
    """The photo to take."""
    bad: tuple[Example, Example, Example]
    """Photos that give poor results."""


def _example(text: Text, drawing: str) -> Example:
    return Example(text, f"vton/guide/{drawing}.svg")


YOURSELF = pgettext_lazy("vton", "Add a photo of yourself")
YOUR_FACE = pgettext_lazy("vton", "Add a photo of your face")
STEP_BACK = pgettext_lazy("vton", "Step back until you fit into the frame")
GROUP_PHOTO = _example(pgettext_lazy("vton", "Other people in the picture"), "garment-group")
FROM_THE_SIDE = _example(pgettext_lazy("vton", "Turned to the side"), "eyewear-profile")

KINDS: dict[str, Kind] = {
    "garment": Kind(
        label=gettext_lazy("Garments"),
        photo_heading=YOURSELF,
        camera_heading=STEP_BACK,
        good=_example(pgettext_lazy("vton", "Just you, standing, facing the camera"), "garment-good"),
        bad=(
            GROUP_PHOTO,
            _example(pgettext_lazy("vton", "Head or hips cut off"), "garment-cropped"),
            _example(pgettext_lazy("vton", "A coat or phone in the way"), "garment-coat"),
        ),
    ),
    "eyewear": Kind(
        label=gettext_lazy("Glasses"),
        photo_heading=YOUR_FACE,
        camera_heading=pgettext_lazy("vton", "Fit your face into the frame"),
        camera_frame="face",
        good=_example(pgettext_lazy("vton", "Your face from the front, close up"), "eyewear-good"),
        bad=(
            _example(pgettext_lazy("vton", "Glasses already on"), "eyewear-sunglasses"),
            FROM_THE_SIDE,
            _example(pgettext_lazy("vton", "Too dark, or hair over your eyes"), "eyewear-dark"),
        ),
    ),
    "footwear": Kind(
        label=gettext_lazy("Footwear"),
        photo_heading=pgettext_lazy("vton", "Add a photo of your legs and feet"),
        camera_heading=pgettext_lazy("vton", "Step back until your feet are in the frame"),
        good=_example(pgettext_lazy("vton", "Your legs and feet, from the front"), "footwear-good"),
        bad=(
            _example(pgettext_lazy("vton", "Feet cut off"), "footwear-cropped"),
            _example(pgettext_lazy("vton", "Clothes over your feet"), "footwear-covered"),
            _example(pgettext_lazy("vton", "Taken from above"), "footwear-above"),
        ),
    ),
    "jewellery": Kind(
        label=gettext_lazy("Jewellery"),
        photo_heading=pgettext_lazy("vton", "Add a photo of your face and neck"),
        camera_heading=pgettext_lazy("vton", "Fit your face and neck into the frame"),
        camera_frame="face",
        good=_example(pgettext_lazy("vton", "Your face, ears and neck, from the front"), "jewellery-good"),
        bad=(
            _example(pgettext_lazy("vton", "Hair over your ears"), "jewellery-hair"),
            _example(pgettext_lazy("vton", "A scarf or a high collar"), "jewellery-scarf"),
            _example(pgettext_lazy("vton", "Jewellery already on"), "jewellery-worn"),
        ),
    ),
    "bag": Kind(
        label=gettext_lazy("Bags"),
        photo_heading=YOURSELF,
        camera_heading=STEP_BACK,
        good=_example(pgettext_lazy("vton", "All of you, with one arm free"), "bag-good"),
        bad=(
            _example(pgettext_lazy("vton", "Another bag on you"), "bag-worn"),
            _example(pgettext_lazy("vton", "Arms crossed"), "bag-crossed"),
            GROUP_PHOTO,
        ),
    ),
    "headwear": Kind(
        label=gettext_lazy("Headwear"),
        photo_heading=YOUR_FACE,
        camera_heading=pgettext_lazy("vton", "Fit your head into the frame"),
        camera_frame="face",
        good=_example(pgettext_lazy("vton", "Your head from the front, hair visible"), "headwear-good"),
        bad=(
            _example(pgettext_lazy("vton", "A hat already on"), "headwear-hat"),
            _example(pgettext_lazy("vton", "Top of your head cut off"), "headwear-cropped"),
            FROM_THE_SIDE,
        ),
    ),
}
"""The kinds by name. Shops may add and replace kinds."""

ANY_KIND = Kind(
    label="",
    photo_heading=YOURSELF,
    camera_heading=STEP_BACK,
    good=_example(pgettext_lazy("vton", "All of you, in good light"), "person-good"),
    bad=(
        GROUP_PHOTO,
        _example(pgettext_lazy("vton", "Head or feet cut off"), "garment-cropped"),
        _example(pgettext_lazy("vton", "Too dark"), "eyewear-dark"),
    ),
)
"""The guidance for a kind that is not in `KINDS`. It suits every product that is worn."""


def get_kind(name: str) -> Kind:
    """Return the kind with this name. An unknown name gets the general guidance, and is its own label."""
    return KINDS.get(name) or replace(ANY_KIND, label=name)
