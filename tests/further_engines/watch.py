# shop/tryon.py
from django.utils.translation import gettext_lazy as _

from django_vton.kinds import KINDS, Example, Kind

KINDS["watch"] = Kind(
    label=_("Watches"),
    photo_heading=_("Add a photo of your wrist"),
    camera_heading=_("Hold your wrist into the frame"),
    camera_frame="face",
    good=Example(_("Your bare wrist, from above"), "shop/guide/wrist.svg"),
    bad=(
        Example(_("A sleeve over it"), "shop/guide/sleeve.svg"),
        Example(_("Another watch on it"), "shop/guide/other-watch.svg"),
        Example(_("Too far away"), "shop/guide/far.svg"),
    ),
)
