"""The shop's products: which of them can be tried on, and how.

A shop writes a `tryon.py` in one of its apps::

    from django_vton.products import TryOn, register

    @register("catalogue.Product")
    class ProductTryOn(TryOn[Product]):
        engine = "fashn-v1.6"
        def get_image(self, product):
            return product.photo

The type parameter is for type checkers; plain `TryOn` works as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import models

from .exceptions import ProductNotRegistered, Refused
from .gateway.engines import get_engine
from .pixazo import OptionError
from .utils.languages import override_page_language
from .utils.robust import log_error
from .utils.safe_urls import safe_url

if TYPE_CHECKING:
    import typing_extensions
    from django.core.files import File
    from django.db.models import Model, QuerySet

    from .pixazo import Engine

    ModelT = typing_extensions.TypeVar("ModelT", bound=models.Model, default=Any)  # plain TryOn is TryOn[Any]
else:
    ModelT = TypeVar("ModelT")

logger = logging.getLogger("django_vton")

TryOnT = TypeVar("TryOnT", bound="type[TryOn]")

MERCHANT_ONLY_OPTIONS = frozenset({"moderation_level"})
"""Options that shoppers may never set, even if `shopper_options` names them."""


class TryOn(Generic[ModelT]):
    """How products of one model are tried on. Write a subclass, and `register` it."""

    engine: str = "fashn-v1.6"
    """The engine for all products of this model, unless `get_engine` is overridden."""

    fallback: str = ""
    """The second engine, which takes over if the first one refuses a render, or is stopped; "" for none."""

    shopper_options: tuple[str, ...] = ()
    """The names of the engine's options that a shopper may set, such as "num_samples"."""

    def __init__(self, model: type[ModelT]) -> None:
        self.model = model

    def is_enabled(self, product: ModelT) -> bool:
        """Return whether this product can be tried on now. Make no queries, since every button calls this."""
        return True

    def get_engine(self, product: ModelT) -> str:
        """Return the engine's name for this product."""
        return self.engine

    def get_fallback(self, product: ModelT) -> str:
        """Return the second engine's name for this product, or "". It must be of the same kind."""
        return self.fallback

    def get_image(self, product: ModelT) -> Any:
        """Return the image for the vendor, or None if the product cannot be tried on.

        The image may be a file of Django or of an image library, a name in the default storage, a `Path`,
        bytes, or an https URL of one of `PRODUCT_IMAGE_HOSTS`.
        """
        return None

    def get_options(self, product: ModelT) -> Mapping[str, Any]:
        """Return the engine's options for this product, such as `{"category": "top"}`."""
        return {}

    def get_fallback_options(self, product: ModelT) -> Mapping[str, Any]:
        """Return the second engine's options for this product. The shopper's are added if it allows them."""
        return {}

    def get_main(self, product: ModelT) -> Model:
        """Return a variant's parent, or the product itself. History and conversions are matched by it."""
        return product

    def get_queryset(self) -> QuerySet[ModelT]:
        """Return the products that the API can find. Exclude products that shoppers must not see."""
        return self.model._default_manager.all()

    def get_title(self, product: ModelT) -> str:
        """Return the product's name for alternative texts and result pages."""
        return str(product)

    def get_url(self, product: ModelT) -> str:
        """Return the URL of the product's page, a path or an http(s) URL; "" if it has no page."""
        get_absolute_url = getattr(product, "get_absolute_url", None)
        return str(get_absolute_url()) if get_absolute_url else ""

    def publish(self, product: ModelT, image: File[bytes]) -> Any:
        """Add a merchant's render to the product's gallery and return a handle for `unpublish`.

        `image` is an open `File`. After a crash there may be a second call for the same image, with the same
        file name. The handle is any value that JSON can represent. The call is made in a transaction.
        """
        return None

    def unpublish(self, product: ModelT, handle: Any) -> None:
        """Remove a published render from the gallery."""


@dataclass(frozen=True, slots=True)
class DescribedProduct:
    """A product together with what the shop's `TryOn` says about it."""

    tryon: TryOn
    product: Any

    @property
    def ref(self) -> str:
        """Return the product's reference, such as "shop.product:42"."""
        return reference(self.product)

    @property
    def main_ref(self) -> str:
        """Return the reference of the parent, or the product's own reference."""
        return reference(self.tryon.get_main(self.product) or self.product)

    @property
    def engine(self) -> Engine:
        """Return the product's engine."""
        return get_engine(self.tryon.get_engine(self.product))

    @property
    def kind(self) -> str:
        """Return the engine's kind, such as "garment"."""
        return self.engine.kind

    @property
    def title(self) -> str:
        """Return the product's name."""
        with override_page_language():
            return str(self.tryon.get_title(self.product))

    @property
    def url(self) -> str:
        """Return the URL of the product's page, or "" if the URL is not safe to link to."""
        with override_page_language():
            return safe_url(str(self.tryon.get_url(self.product)))

    @property
    def image(self) -> Any:
        """Return the product's image as `get_image` returns it, or None."""
        image = self.tryon.get_image(self.product)
        # By its name, because django-imagekit creates the file to find out whether it is true.
        is_given = image.name if hasattr(image, "storage") else image
        return image if is_given else None

    @property
    def image_url(self) -> str:
        """Return the URL of the product's image; "" for one that is not in a storage with URLs."""
        image = self.image
        try:
            if isinstance(image, str):
                return image if "://" in image else default_storage.url(image)
            return str(getattr(image, "url", ""))
        except (ValueError, NotImplementedError):
            return ""

    @property
    def is_enabled(self) -> bool:
        """Return whether the product can be tried on now, which requires an image."""
        return self.tryon.is_enabled(self.product) and self.image is not None

    def clean_shopper_options(self, requested: Mapping[str, Any]) -> dict[str, Any]:
        """Return the shop's options, overridden by the options that the shopper requested.

        Raise `Refused` (`options_invalid`) if a requested option is invalid or not allowed. If an option of
        the shop is invalid, log it and raise `Refused` (`product_not_enabled`).
        """
        for_merchants = {option.name for option in self.engine.options if option.is_for_merchants}
        allowed = set(self.tryon.shopper_options) - MERCHANT_ONLY_OPTIONS - for_merchants
        if forbidden := sorted(set(requested) - allowed):
            raise Refused("options_invalid", field=f"options.{forbidden[0][:50]}")
        return self.clean_merchant_options(requested)

    def clean_merchant_options(self, requested: Mapping[str, Any]) -> dict[str, Any]:
        """Like `clean_shopper_options`, but all options of the engine may be requested."""
        try:
            return dict(self.engine.clean_options({**self.tryon.get_options(self.product), **requested}))
        except OptionError as error:
            if error.name in requested:
                raise Refused("options_invalid", field=f"options.{error.name}") from error
            logger.error("The options of %s are not valid for %s: %s", self.ref, self.engine.name, error)  # noqa: TRY400 - no error of ours
            raise Refused("product_not_enabled", field="product") from error


_registry: dict[type[Model], TryOn] = {}
_defaults: set[type[Model]] = set()
registration_problems: list[str] = []
"""Errors in registrations, reported by a system check."""


def register(model: str | type[Model], *, default: bool = False) -> Callable[[TryOnT], TryOnT]:
    """Decorate a `TryOn` subclass to register it for the products of `model`, a class or "app.Model".

    A `default`, as in `django_vton.contrib`, gives way to the shop's own registration.
    """

    def decorate(tryon: TryOnT) -> TryOnT:
        name = f"{tryon.__module__}.{getattr(tryon, '__name__', tryon)}"
        found = _model(model)
        if not (isinstance(tryon, type) and issubclass(tryon, TryOn)):
            registration_problems.append(f"{name} is registered for {model!r} and is no subclass of TryOn")
        elif found is None and not default:
            registration_problems.append(f"{name} is registered for {model!r}, which is not a model")
        elif found is None or (default and found in _registry):
            pass  # A default, for whose model there is an own registration, or no app.
        elif found in _registry and found not in _defaults:
            other = type(_registry[found]).__name__
            registration_problems.append(f"{found._meta.label} is registered twice: by {other} and by {name}")
        else:
            _registry[found] = tryon(found)
            (_defaults.add if default else _defaults.discard)(found)
        return tryon

    return decorate


def _model(model: object) -> type[Model] | None:
    """Return the model class, or None if `model` is not a concrete model."""
    if isinstance(model, str):
        try:
            return apps.get_model(model)
        except (LookupError, ValueError):
            return None
    if isinstance(model, type) and issubclass(model, models.Model) and not model._meta.abstract:
        return model
    return None


def registered() -> dict[type[Model], TryOn]:
    """Return all registered models with their `TryOn`."""
    return dict(_registry)


def reference(product: Model) -> str:
    """Return the reference of a saved product: `<app_label>.<model>:<pk>`.

    A proxy or child model uses the name and key of the registered model, so each product has one reference.
    """
    model = _registered_model(type(product)) or product._meta.concrete_model or type(product)
    return f"{model._meta.label_lower}:{getattr(product, model._meta.pk.attname)}"


def _registered_model(model: type[Model]) -> type[Model] | None:
    """Return the first registered model among this one and its ancestors, or None."""
    return next((ancestor for ancestor in model.__mro__ if ancestor in _registry), None)


def tryon_for(model: type[ModelT]) -> TryOn[ModelT]:
    """Return the `TryOn` of a model or of its nearest registered ancestor.

    Raise `ProductNotRegistered` if there is none.
    """
    found = _registered_model(model)
    if found is None:
        raise ProductNotRegistered(
            f"{model._meta.label} has no TryOn. Register one in a tryon.py of an installed app."
        )
    return _registry[found]


def describe(product: Model) -> DescribedProduct | None:
    """Return the product for a page, or None if it cannot be tried on. Only the shop's code makes queries.

    If the model is not registered, raise `ProductNotRegistered` in DEBUG; otherwise log the error.
    """
    try:
        tryon = tryon_for(type(product))
    except ProductNotRegistered:
        if settings.DEBUG:
            raise
        log_error("A template uses the try-on of an unregistered model.")
        return None
    if product.pk is None:
        return None
    described = DescribedProduct(tryon, product)
    return described if described.is_enabled else None


def find(ref: str) -> DescribedProduct:
    """Look up a reference in `TryOn.get_queryset`. Raise `Refused` (`product_unknown`) if it is not found."""
    label, _colon, pk = ref.partition(":")
    try:
        if "\0" in pk:
            raise ValueError("PostgreSQL rejects NUL.")  # noqa: TRY301 - handled like other invalid keys
        tryon = tryon_for(apps.get_model(label))
        product = tryon.get_queryset().filter(pk=pk).first()
    except (LookupError, ValueError, OverflowError, ValidationError, ProductNotRegistered):
        product = None
    # Accept only one form of a reference, since "shop.product:042" would be another product in caches.
    if product is None or reference(product) != ref:
        raise Refused("product_unknown", field="product")
    return DescribedProduct(tryon, product)


def find_enabled(ref: str) -> DescribedProduct:
    """Like `find`, but raise `Refused` (`product_not_enabled`) if the product cannot be tried on now."""
    described = find(ref)
    if not described.is_enabled:
        raise Refused("product_not_enabled", field="product")
    return described
