"""The admin of house models, and the log of access to shoppers' photos. The log shows no photos."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery, UUIDField
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from .. import images
from ..batches.control import pause_for_house_model
from ..gateway.engines import kinds
from ..health.facts import RELEASE_WARNING
from ..intake import save_photo_files
from ..kinds import get_kind
from ..models import HouseModel, PersonPhoto, PhotoAccess, TryOnImage, TryOnRequest
from ..models.photos import release_today
from ..privacy.stored_files import delete_name
from ..utils import database
from . import display
from .base import ReadOnlyAdmin
from .filters import ReleaseFilter
from .house_model_deletion import HouseModelDeletion
from .house_model_import import HouseModelImport

if TYPE_CHECKING:
    PhotoForm = forms.ModelForm[HouseModel]
else:
    PhotoForm = forms.ModelForm


def kind_choices(*stored: str) -> list[tuple[str, str]]:
    """Return the kinds that this shop can render, and the stored ones, with their labels."""
    return [(name, str(get_kind(name).label)) for name in dict.fromkeys([*kinds(), *stored])]


@admin.display(description=gettext_lazy("suits"))
def suited_kinds(photo: PersonPhoto) -> str:
    """Return the labels of the kinds of products that the photo suits."""
    return ", ".join(label for kind, label in kind_choices(*photo.suits) if photo.suits_kind(kind))


class CommaSeparatedField(forms.CharField):
    """A text input for a list of labels that are separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        """Join a list for the text input."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Split the text. Skip empty and duplicate labels."""
        labels = (label.strip() for label in str(super().to_python(value)).split(","))
        return list(dict.fromkeys(filter(None, labels)))


class HouseModelForm(PhotoForm):
    """The photo and the data of a house model. The photo is checked like a shopper's photo."""

    picture = forms.FileField(
        label=gettext_lazy("Photo"),
        help_text=format_lazy(
            gettext_lazy(
                "One person, upright, in good light: from head to knee for garments, the face from the front "
                "for glasses. At least {side} × {side} pixels."  # noqa: RUF001 - the sign that people read
            ),
            side=images.MIN_SIDE,
        ),
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Shown to shoppers.")
    )
    suits = forms.MultipleChoiceField(
        label=gettext_lazy("Suits"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What can be tried on with this photo. If none is selected: everything."),
    )
    labels = CommaSeparatedField(
        label=gettext_lazy("Labels"),
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Body type, size or height, in your own words, separated by commas."),
    )

    class Meta:
        model = HouseModel
        fields = ["name", "suits", "labels", "rights_note", "release_ends", "is_active", "position"]
        widgets = {"rights_note": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "rights_note": gettext_lazy("Who agreed to this use, and when. Only staff can read it."),
            "is_active": gettext_lazy("Offered to shoppers."),
            "position": gettext_lazy("The smallest number comes first."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        suits: Any = self.fields["suits"]
        # Without a stored kind, saving the form would let the house model suit more than before.
        suits.choices = kind_choices(*self.instance.suits)
        if not self.instance._state.adding:
            field = self.fields["picture"]
            field.required = False
            field.label = _("Replace the photo")

    def clean_picture(self) -> images.EncodedImage | None:
        """Prepare the photo for the vendor. Raise `ValidationError` if it cannot be used."""
        file: Any = self.cleaned_data["picture"]
        if not file:
            return None
        try:
            return images.normalize_person_photo(file)
        except images.ImageRefused as refusal:
            raise forms.ValidationError(refusal.message) from None


@admin.register(HouseModel)
class HouseModelAdmin(HouseModelImport, HouseModelDeletion):
    """The house models, in the order in which shoppers see them."""

    form = HouseModelForm
    list_display = ["photo", "name", suited_kinds, "label_list", "release", "is_active", "position"]
    list_display_links = ["name"]
    list_editable = ["is_active", "position"]
    list_filter = ["is_active", ReleaseFilter]
    search_fields = ["name"]
    ordering = ["position", "created_at"]
    readonly_fields = ["photo"]
    fields = [
        *("photo", "picture", "name", "suits", "labels"),
        *("rights_note", "release_ends", "is_active", "position"),
    ]

    def get_fields(self, request: HttpRequest, obj: HouseModel | None = None) -> Any:
        """Leave out the thumbnail on the add page, since there is no photo yet."""
        fields = list(super().get_fields(request, obj))
        return fields if obj is not None else [name for name in fields if name != "photo"]

    def save_model(
        self, request: HttpRequest, obj: HouseModel, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """Store a new photo, and delete the files of the old photo after the commit."""
        picture = form.cleaned_data.get("picture")
        if picture is not None:
            for old in (obj.file, obj.thumbnail):
                if old.name:
                    database.on_commit(partial(delete_name, old.name), robust=True)
            save_photo_files(obj, picture)
        if not change:
            obj.kind, obj.is_reusable = PersonPhoto.Kind.HOUSE, True
        super().save_model(request, obj, form, change)
        if not PersonPhoto.objects.active_house_models().filter(pk=obj.pk).exists():
            self._pause_batches(request, obj)

    def _pause_batches(self, request: HttpRequest, photo: HouseModel) -> None:
        """Pause the batches that still need a house model that may not be used any more."""
        for batch in pause_for_house_model(photo):
            text = _("The batch “%(batch)s” was paused, since it still has renders on %(name)s.")
            self.message_user(request, text % {"batch": batch, "name": photo.name}, messages.WARNING)

    @admin.display(description=gettext_lazy("photo"))
    def photo(self, photo: HouseModel) -> SafeString:
        """The thumbnail of the photo."""
        url = reverse("vton:photo-file", args=[photo.pk])
        return display.thumbnail(url, _("House model %(name)s") % {"name": photo.name})

    @admin.display(description=gettext_lazy("release ends"), ordering="release_ends")
    def release(self, photo: HouseModel) -> SafeString | str:
        """The last day of the release, and whether it is over or near."""
        if photo.release_ends is None:
            return "-"
        day, left = date_format(photo.release_ends, "SHORT_DATE_FORMAT"), photo.release_ends - release_today()
        if not photo.has_release:
            return format_html('{}<span class="vton-note">{}</span>', day, pgettext("release", "ended"))
        return (
            format_html('{}<span class="vton-note">{}</span>', day, _("soon"))
            if left <= RELEASE_WARNING
            else day
        )

    @admin.display(description=gettext_lazy("labels"))
    def label_list(self, photo: HouseModel) -> str:
        """The labels, separated by commas."""
        return ", ".join(photo.labels) or "-"


@admin.register(PhotoAccess)
class PhotoAccessAdmin(ReadOnlyAdmin):
    """The access log: which user viewed which shopper's photo or result, the newest first."""

    list_display = ["at", "actor_name", "viewed_image"]
    list_display_links = None
    list_filter = ["kind", "at"]
    search_fields = ["actor_name", "^object_id"]
    ordering = ["-at"]
    show_full_result_count = False
    fields = ["at", "actor_name", "viewed_image"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhotoAccess]:
        """Annotate the id of each image's try-on, or None if the try-on no longer exists."""
        image = TryOnImage.objects.filter(pk=OuterRef("object_id")).values("request")
        newest = TryOnRequest.objects.filter(photo=OuterRef("object_id")).order_by("-created_at").values("pk")
        rows: QuerySet[PhotoAccess] = super().get_queryset(request)
        tryon = Coalesce(Subquery(image[:1]), Subquery(newest[:1]), output_field=UUIDField())
        return rows.annotate(tryon=tryon)

    @admin.display(description=gettext_lazy("image"))
    def viewed_image(self, access: Any) -> SafeString:
        """The image's kind and the start of its id, linked to the try-on until the try-on is erased."""
        text = f"{access.get_kind_display()} {str(access.object_id)[:8]}"
        return display.tryon_link(access.tryon, text)
