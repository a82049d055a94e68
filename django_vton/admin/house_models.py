"""House models, and the log of staff who viewed shoppers' photos. Shoppers' photos are never listed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import OuterRef, Subquery, UUIDField
from django.db.models.functions import Coalesce
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import images, privacy
from ..intake import save_photo_files
from ..models import HouseModel, PersonPhoto, PhotoAccess, TryOnImage, TryOnRequest
from . import display
from .base import ReadOnlyAdmin, StyledAdmin

if TYPE_CHECKING:
    from typing import TypedDict
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from django_stubs_ext import WithAnnotations

    class PhotoAccessAnnotations(TypedDict):
        """What `PhotoAccessAdmin.get_queryset` annotates: a try-on that shows the viewed image."""

        tryon: UUID | None

    PhotoForm = forms.ModelForm[HouseModel]
else:
    PhotoForm = forms.ModelForm

KIND_CHOICES = [("garment", gettext_lazy("Garments")), ("eyewear", gettext_lazy("Glasses"))]


def suited_kinds(photo: PersonPhoto) -> str:
    """Return the kinds of products that the photo suits, for people."""
    return ", ".join(str(label) for kind, label in KIND_CHOICES if photo.suits_kind(kind))


class CommaSeparatedField(forms.CharField):
    """A list of labels, separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        """Join a list for the text input."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Split the text, without empty and duplicate labels."""
        labels = (label.strip() for label in str(super().to_python(value)).split(","))
        return list(dict.fromkeys(filter(None, labels)))


class HouseModelForm(PhotoForm):
    """A house model's photo and data. The photo is checked like a shopper's photo."""

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
        choices=KIND_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What can be tried on with this photo. If none is selected: both."),
    )
    labels = CommaSeparatedField(
        label=gettext_lazy("Labels"),
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Body type, size or height, in your own words, separated by commas."),
    )

    class Meta:
        model = HouseModel
        fields = ["name", "suits", "labels", "rights_note", "is_active", "position"]
        widgets = {"rights_note": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "rights_note": gettext_lazy(
                "Who agreed to this use, when, and until when. Only staff can read it."
            ),
            "is_active": gettext_lazy("Offered to shoppers."),
            "position": gettext_lazy("The smallest number comes first."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            field = self.fields["picture"]
            field.required = False
            field.label = _("Replace the photo")

    def clean_picture(self) -> images.EncodedImage | None:
        """Normalize the photo for the vendor, or report why it cannot be used."""
        file: Any = self.cleaned_data["picture"]
        if not file:
            return None
        try:
            return images.normalize_person_photo(file)
        except images.ImageRefused as refusal:
            raise forms.ValidationError(refusal.message) from None


@admin.register(HouseModel)
class HouseModelAdmin(StyledAdmin):
    """The house models, in the order in which shoppers see them."""

    form = HouseModelForm
    list_display = ["photo", "name", "suited_for", "label_list", "is_active", "position"]
    list_display_links = ["name"]
    list_editable = ["is_active", "position"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    ordering = ["position", "created_at"]
    readonly_fields = ["photo"]
    fields = ["photo", "picture", "name", "suits", "labels", "rights_note", "is_active", "position"]

    def get_fields(self, request: HttpRequest, obj: HouseModel | None = None) -> Any:
        """Leave out the photo of a new house model, which has none to show."""
        fields = list(super().get_fields(request, obj))
        return fields if obj is not None else [name for name in fields if name != "photo"]

    def save_model(
        self, request: HttpRequest, obj: HouseModel, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """Store a new photo, and delete the files of the old one after the commit."""
        picture = form.cleaned_data.get("picture")
        if picture is not None:
            for old in (obj.file, obj.thumbnail):
                if old.name:
                    transaction.on_commit(partial(old.storage.delete, old.name))
            save_photo_files(obj, picture)
        if not change:
            obj.kind, obj.is_reusable = PersonPhoto.Kind.HOUSE, True
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: HouseModel) -> None:
        """Cancel what still runs with the photo, and delete it with its files."""
        privacy.delete_photo(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[HouseModel]) -> None:
        """Delete one by one, like `delete_model`."""
        for photo in queryset:
            privacy.delete_photo(photo)

    @admin.display(description=gettext_lazy("photo"))
    def photo(self, photo: HouseModel) -> SafeString:
        """The thumbnail."""
        return display.thumbnail(display.photo_url(photo), _("House model %(name)s") % {"name": photo.name})

    @admin.display(description=gettext_lazy("suits"))
    def suited_for(self, photo: HouseModel) -> str:
        """The kinds of products."""
        return suited_kinds(photo)

    @admin.display(description=gettext_lazy("labels"))
    def label_list(self, photo: HouseModel) -> str:
        """The merchant's labels."""
        return ", ".join(photo.labels) or "-"


@admin.register(PhotoAccess)
class PhotoAccessAdmin(ReadOnlyAdmin):
    """Who viewed a shopper's photo or result, the newest first; never the image itself."""

    list_display = ["at", "actor_name", "viewed_image"]
    list_display_links = None
    list_filter = ["kind", "at"]
    search_fields = ["actor_name", "^object_id"]
    ordering = ["-at"]
    show_full_result_count = False
    fields = ["at", "actor_name", "viewed_image"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhotoAccess]:
        """Annotate the try-on of each image, if it still exists."""
        image = TryOnImage.objects.filter(pk=OuterRef("object_id")).values("request")
        newest = TryOnRequest.objects.filter(photo=OuterRef("object_id")).order_by("-created_at").values("pk")
        rows: QuerySet[PhotoAccess] = super().get_queryset(request)
        tryon = Coalesce(Subquery(image[:1]), Subquery(newest[:1]), output_field=UUIDField())
        return rows.annotate(tryon=tryon)

    @admin.display(description=gettext_lazy("image"))
    def viewed_image(self, access: WithAnnotations[PhotoAccess, PhotoAccessAnnotations]) -> SafeString:
        """The kind and the first characters of the id, linked to the try-on until it is erased."""
        text = f"{access.get_kind_display()} {str(access.object_id)[:8]}"
        return display.tryon_link(access.tryon, text)
