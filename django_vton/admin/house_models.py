"""House models: the merchant's own person photos. Shoppers' are never listed; who looked at them is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import OuterRef, Subquery, UUIDField
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import images, privacy
from ..intake import fill_photo
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

    class Added(TypedDict):
        """What `LookAdmin.get_queryset` adds: a try-on that shows what was looked at."""

        tryon: UUID | None

    PhotoForm = forms.ModelForm[HouseModel]
else:
    PhotoForm = forms.ModelForm

SUITS = [("garment", gettext_lazy("Garments")), ("eyewear", gettext_lazy("Glasses"))]


class WordsField(forms.CharField):
    """A list of words, written with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        """For the text field."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The words in their order, each once."""
        words = (word.strip() for word in str(super().to_python(value)).split(","))
        return list(dict.fromkeys(filter(None, words)))


class HouseModelForm(PhotoForm):
    """A house model: the same look at the photo as a shopper's gets, with what the merchant says of it."""

    picture = forms.FileField(
        label=gettext_lazy("Photo"),
        help_text=gettext_lazy(
            "One person, upright, in good light: from head to knee for garments, the face from the front "
            "for glasses. At least 300 × 300 pixels."  # noqa: RUF001 - what people read between two lengths
        ),
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Shoppers read it.")
    )
    suits = forms.MultipleChoiceField(
        label=gettext_lazy("Suits"),
        choices=SUITS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What can be tried on with this photo. None chosen: both."),
    )
    labels = WordsField(
        label=gettext_lazy("Labels"),
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Body type, size, height, in your own words, with commas between them."),
    )

    class Meta:
        model = HouseModel
        fields = ["name", "suits", "labels", "rights_note", "is_active", "position"]
        widgets = {"rights_note": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "rights_note": gettext_lazy("Who agreed to this use, when, and until when. Only staff read it."),
            "is_active": gettext_lazy("Offered to shoppers."),
            "position": gettext_lazy("The smallest number is offered first."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            field = self.fields["picture"]
            field.required = False
            field.label = _("Another photo")

    def clean_picture(self) -> images.Picture | None:
        """The photo as the vendor takes it, or why it cannot be used."""
        file: Any = self.cleaned_data["picture"]
        if not file:
            return None
        try:
            return images.person_photo(file)
        except images.ImageRefused as refusal:
            raise forms.ValidationError(refusal.message) from None


@admin.register(HouseModel)
class HouseModelAdmin(StyledAdmin):
    """The house models, in the order in which shoppers see them."""

    form = HouseModelForm
    list_display = ["photo", "name", "suited_for", "label_words", "is_active", "position"]
    list_display_links = ["name"]
    list_editable = ["is_active", "position"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    ordering = ["position", "created_at"]
    readonly_fields = ["photo"]
    fields = ["photo", "picture", "name", "suits", "labels", "rights_note", "is_active", "position"]

    def get_fields(self, request: HttpRequest, obj: HouseModel | None = None) -> Any:
        """A new one has no photo to show yet."""
        fields = list(super().get_fields(request, obj))
        return fields if obj is not None else [name for name in fields if name != "photo"]

    def save_model(
        self, request: HttpRequest, obj: HouseModel, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """A new photo takes the old one's place; the old files go once that is committed."""
        picture = form.cleaned_data.get("picture")
        if picture is not None:
            for old in (obj.file, obj.thumbnail):
                if old.name:
                    transaction.on_commit(partial(old.storage.delete, old.name))
            fill_photo(obj, picture)
        if not change:
            obj.kind, obj.keep = PersonPhoto.Kind.HOUSE, True
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: HouseModel) -> None:
        """What still runs with it ends first."""
        privacy.delete_photo(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[HouseModel]) -> None:
        """As one by one."""
        for photo in queryset:
            privacy.delete_photo(photo)

    @admin.display(description=gettext_lazy("photo"))
    def photo(self, photo: HouseModel) -> SafeString:
        """A thumbnail."""
        return display.thumbnail(display.photo_url(photo), _("House model %(name)s") % {"name": photo.name})

    @admin.display(description=gettext_lazy("suits"))
    def suited_for(self, photo: HouseModel) -> str:
        """In words."""
        return ", ".join(str(words) for kind, words in SUITS if photo.suits_kind(kind))

    @admin.display(description=gettext_lazy("labels"))
    def label_words(self, photo: HouseModel) -> str:
        """In the merchant's words."""
        return ", ".join(photo.labels) or "-"


@admin.register(PhotoAccess)
class LookAdmin(ReadOnlyAdmin):
    """Who looked at a shopper's photo or result, the latest first; never the picture itself."""

    list_display = ["at", "actor_name", "what"]
    list_display_links = None
    list_filter = ["kind", "at"]
    search_fields = ["actor_name", "^object_id"]
    ordering = ["-at"]
    show_full_result_count = False
    fields = ["at", "actor_name", "what"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhotoAccess]:
        """With the try-on that each leads to, while there is one."""
        image = TryOnImage.objects.filter(pk=OuterRef("object_id")).values("request")
        newest = TryOnRequest.objects.filter(photo=OuterRef("object_id")).order_by("-created_at").values("pk")
        rows: QuerySet[PhotoAccess] = super().get_queryset(request)
        tryon = Coalesce(Subquery(image[:1]), Subquery(newest[:1]), output_field=UUIDField())
        return rows.annotate(tryon=tryon)

    @admin.display(description=gettext_lazy("what"))
    def what(self, look: WithAnnotations[PhotoAccess, Added]) -> SafeString:
        """The kind and the number, linked to the try-on until it is erased."""
        words = f"{look.get_kind_display()} {str(look.object_id)[:8]}"
        return display.tryon_link(look.tryon, words)
