"""The shop's side: which products can be tried on, and how.

A shop writes `tryon.py` in one of its apps::

    from django_vton.products import TryOn, register

    @register("catalogue.Product")
    class ProductTryOn(TryOn):
        engine = "fashn-v1.6"
        def get_image(self, product):
            return product.photo
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import models

from .exceptions import ProductNotRegistered, Refused
from .gateway.engines import get_engine
from .pixazo import OptionError
from .utils.languages import in_page_language
from .utils.safe_urls import safe_url

if TYPE_CHECKING:
    from django.core.files import File
    from django.db.models import Model, QuerySet

    from .pixazo import Engine

logger = logging.getLogger("django_vton")

T = TypeVar("T", bound="type[TryOn]")

NEVER_BY_SHOPPERS = frozenset({"moderation_level"})
"""Options that a shopper may not set, whatever `shopper_options` says."""


class TryOn:
    """How products of one model are tried on. Subclass and `register` it; override what differs."""

    engine: str = "fashn-v1.6"
    """The engine for all products of this model; `get_engine` chooses for each."""

    shopper_options: tuple[str, ...] = ()
    """Names of the engine's options that a shopper may set, such as "num_samples"."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model

    def is_enabled(self, product: Any) -> bool:
        """Whether this product can be tried on now. Called for each button: no queries, please."""
        return True

    def get_engine(self, product: Any) -> str:
        """The engine's name for this product."""
        return self.engine

    def get_image(self, product: Any) -> File[Any] | None:
        """The picture that is sent to the vendor: a Django `File`, or None for no try-on."""
        return None

    def get_options(self, product: Any) -> Mapping[str, Any]:
        """The engine's options for this product, such as `{"category": "top"}`."""
        return {}

    def get_main(self, product: Any) -> Any:
        """For variants: the parent product, by which history and conversions match."""
        return product

    def get_queryset(self) -> QuerySet[Any]:
        """The products that the API may find; hide what shoppers must not see."""
        return self.model._default_manager.all()

    def get_title(self, product: Any) -> str:
        """The product's name, for alt texts and result pages."""
        return str(product)

    def get_url(self, product: Any) -> str:
        """The product's page, a path or an http(s) URL; "" if there is none."""
        get_absolute_url = getattr(product, "get_absolute_url", None)
        return str(get_absolute_url()) if get_absolute_url else ""

    def publish(self, product: Any, image: Any) -> Any:
        """Put a merchant's render into the product's gallery and return a handle for `unpublish`.

        `image` is an open `File` whose name is the picture's for ever: where a crash had this called twice,
        it tells. The handle is anything that JSON can hold. Called in a transaction.
        """
        return None

    def unpublish(self, product: Any, handle: Any) -> None:
        """Take a published render out of the gallery again."""


@dataclass(frozen=True, slots=True)
class Described:
    """A product that can be tried on, with what the shop's `TryOn` says of it."""

    tryon: TryOn
    product: Any

    @property
    def ref(self) -> str:
        """For example "shop.product:42"."""
        return reference(self.product)

    @property
    def main_ref(self) -> str:
        """The reference of the parent, or its own."""
        return reference(self.tryon.get_main(self.product) or self.product)

    @property
    def engine(self) -> Engine:
        """The engine, with the shop's overrides."""
        return get_engine(self.tryon.get_engine(self.product))

    @property
    def kind(self) -> str:
        """What it is for: "garment" or "eyewear"."""
        return self.engine.kind

    @property
    def title(self) -> str:
        """The product's name."""
        with in_page_language():
            return str(self.tryon.get_title(self.product))

    @property
    def url(self) -> str:
        """The product's page; "" where what the shop gives is nothing that a page may link to."""
        with in_page_language():
            return safe_url(str(self.tryon.get_url(self.product)))

    @property
    def image(self) -> File[Any] | None:
        """The product's picture."""
        return self.tryon.get_image(self.product) or None

    @property
    def image_url(self) -> str:
        """The product picture's address; "" for a plain `File` or a storage that gives none."""
        try:
            return str(getattr(self.image, "url", ""))
        except (ValueError, NotImplementedError):
            return ""

    @property
    def is_enabled(self) -> bool:
        """Whether it can be tried on now; a picture belongs to it."""
        return self.tryon.is_enabled(self.product) and self.image is not None

    def options(self, wishes: Mapping[str, Any]) -> dict[str, Any]:
        """The shop's options with the shopper's wishes over them.

        Raises Refused `options_invalid` for a wish that cannot be, and `product_not_enabled`, with a line
        in the log, where it is the shop's own option that the engine does not take.
        """
        allowed = set(self.tryon.shopper_options) - NEVER_BY_SHOPPERS
        if forbidden := sorted(set(wishes) - allowed):
            raise Refused("options_invalid", field=f"options.{forbidden[0][:50]}")
        return self.merchant_options(wishes)

    def merchant_options(self, wishes: Mapping[str, Any]) -> dict[str, Any]:
        """As `options`, with the wishes of somebody who may set any of the engine's."""
        try:
            return dict(self.engine.clean_options({**self.tryon.get_options(self.product), **wishes}))
        except OptionError as error:
            if error.name in wishes:
                raise Refused("options_invalid", field=f"options.{error.name}") from error
            logger.error("The options of %s do not suit %s: %s", self.ref, self.engine.name, error)  # noqa: TRY400 - the shop's words, no error of ours
            raise Refused("product_not_enabled", field="product") from error


_registry: dict[type[Model], TryOn] = {}
_pending: list[tuple[str, type[TryOn]]] = []
problems: list[str] = []
"""What was wrong with registrations, for the system check."""


def register(model: str | type[Model]) -> Callable[[T], T]:
    """Class decorator: this `TryOn` speaks for the products of `model` (a class or "app.Model")."""

    def decorate(tryon: T) -> T:
        name = f"{tryon.__module__}.{getattr(tryon, '__name__', tryon)}"
        found = _model(model)
        if not (isinstance(tryon, type) and issubclass(tryon, TryOn)):
            problems.append(f"{name} is registered for {model!r}, and is no subclass of TryOn")
        elif found is None:
            problems.append(f"{name} is registered for {model!r}: there is no such model")
        elif found in _registry:
            other = type(_registry[found]).__name__
            problems.append(f"{found._meta.label} is registered twice: by {other} and by {name}")
        else:
            _registry[found] = tryon(found)
        return tryon

    return decorate


def _model(model: object) -> type[Model] | None:
    """The model that was meant, if its rows can be products."""
    if isinstance(model, str):
        try:
            return apps.get_model(model)
        except (LookupError, ValueError):
            return None
    if isinstance(model, type) and issubclass(model, models.Model) and not model._meta.abstract:
        return model
    return None


def registered() -> dict[type[Model], TryOn]:
    """All registered models with their `TryOn`."""
    return dict(_registry)


def reference(product: Model) -> str:
    """The reference of a saved product: `<app_label>.<model>:<pk>`.

    A proxy and a child model go by the name and the key of the model that is registered: one name for each.
    """
    model = _registered_model(type(product)) or product._meta.concrete_model or type(product)
    return f"{model._meta.label_lower}:{getattr(product, model._meta.pk.attname)}"


def _registered_model(model: type[Model]) -> type[Model] | None:
    """The nearest ancestor that is registered, which may be the model itself."""
    return next((ancestor for ancestor in model.__mro__ if ancestor in _registry), None)


def tryon_for(model: type[Model]) -> TryOn:
    """The `TryOn` of a model, or of the nearest parent that has one (proxies, child models)."""
    found = _registered_model(model)
    if found is None:
        raise ProductNotRegistered(
            f"{model._meta.label} has no TryOn: register one in a tryon.py of an installed app."
        )
    return _registry[found]


def describe(product: Model) -> Described | None:
    """What a page shows of a product: None where there is nothing to try on. No queries of its own.

    A model that nobody registered raises in DEBUG and is logged otherwise.
    """
    try:
        tryon = tryon_for(type(product))
    except ProductNotRegistered:
        if settings.DEBUG:
            raise
        logger.exception("A template asked for the try-on of an unregistered model.")
        return None
    if product.pk is None:
        return None
    described = Described(tryon, product)
    return described if described.is_enabled else None


def find(ref: str) -> Described:
    """The product of a reference, through the shop's `get_queryset`. Raises Refused `product_unknown`."""
    label, _colon, pk = ref.partition(":")
    try:
        if "\0" in pk:
            raise ValueError("PostgreSQL knows no text with it.")  # noqa: TRY301 - as for any other wrong key
        tryon = tryon_for(apps.get_model(label))
        product = tryon.get_queryset().filter(pk=pk).first()
    except (LookupError, ValueError, OverflowError, ValidationError, ProductNotRegistered):
        product = None
    # One name for each product: "shop.product:042" would be another row in caches and histories.
    if product is None or reference(product) != ref:
        raise Refused("product_unknown", field="product")
    return Described(tryon, product)


def find_enabled(ref: str) -> Described:
    """As `find`; raises Refused `product_not_enabled` where it cannot be tried on now."""
    described = find(ref)
    if not described.is_enabled:
        raise Refused("product_not_enabled", field="product")
    return described


def check_registry() -> list[str]:
    """What is wrong with the registrations, each as a sentence."""
    found = list(problems)
    for model, tryon in _registry.items():
        name = f"{type(tryon).__module__}.{type(tryon).__name__}"
        if type(tryon).get_image is TryOn.get_image:
            found.append(f"{name} for {model._meta.label} has no get_image()")
        if type(tryon).get_engine is TryOn.get_engine:
            found.extend(_check_engine(name, tryon))
    return found


def _check_engine(name: str, tryon: TryOn) -> list[str]:
    try:
        engine = get_engine(tryon.engine)
    except ImproperlyConfigured as error:
        return [f"{name}: {error}"]
    known = {option.name for option in engine.options}
    return [
        f"{name}.shopper_options names {option!r}, which {engine.name} does not have"
        for option in tryon.shopper_options
        if option not in known
    ]
