"""Store the selection of a batch, preview its price, and start it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from ..billing.budget import BudgetStatus, budget_statuses
from ..exceptions import Refused
from ..gateway.engines import engines
from ..models import Batch, PersonPhoto
from ..pixazo import OptionError
from ..products import reference
from ..queue import wake
from ..utils import clock, database
from . import notices
from .catalogue import chunks, find_products, image_key, quote
from .existing import ExistingRenders, RenderKey, render_keys

Options = Mapping[str, Mapping[str, Any]]
"""Options by engine name, for example `{"fashn-v1.6": {"num_samples": 2}}`."""


def draft(
    products: Iterable[Model | str],
    house_models: Iterable[PersonPhoto] = (),
    *,
    options: Options | None = None,
    name: str = "",
    user: Any = None,
) -> Batch:
    """Create a draft of products or references, in this order and without duplicates. It costs nothing."""
    refs = dict.fromkeys(item if isinstance(item, str) else reference(item) for item in products)
    fields = {"name": name, "products": list(refs), "options": dict(options or {}), "created_by": user}
    return _create(fields, list(house_models))


@database.retry
def _create(fields: Mapping[str, Any], house_models: Sequence[PersonPhoto]) -> Batch:
    with database.atomic():
        batch = Batch.objects.create(**fields)
        batch.house_models.set(house_models)
    return batch


@dataclass(frozen=True)
class Preview:
    """What a draft would render and cost. Amounts are in micro-USD."""

    renders: int
    """The number of pairs of a product and a house model that suits it."""
    shared: int
    """The number of renders that cost nothing, since a product with the same image has the same render."""
    existing: int
    """The number of renders of the present product images that exist or are running."""
    price: int
    """The price of the renders that do not exist yet. Products with the same image count once."""
    max_price: int
    """The price of all renders, in case every product image changes. The same image counts once."""
    unavailable: list[str]
    """The references of products that no longer exist or cannot be tried on now."""
    engines: list[str]
    """The names of the engines that render the products."""
    budgets: list[BudgetStatus]
    """The budgets of today and of this month."""

    @property
    def budget_left(self) -> int | None:
        """Return what is left of the tighter budget, or None without a cap. Renders beyond that wait."""
        return min((budget.left for budget in self.budgets if budget.left is not None), default=None)

    @property
    def fits_budget(self) -> bool:
        """Return whether the budgets cover the price now."""
        return self.budget_left is None or self.price <= self.budget_left


def preview(batch: Batch) -> Preview:
    """Count and price the renders of a draft. This reads no image files and writes nothing."""
    house_models = list(batch.house_models.active_house_models())
    pairs = set(batch.renders.values_list("product", "photo")) if batch.has_given_renders else None
    renders = 0
    wanted: dict[RenderKey, _WantedRender] = {}
    unavailable: list[str] = []
    used: set[str] = set()
    for refs in chunks(batch.products):
        found = find_products(refs)
        known = ExistingRenders(refs, house_models)
        for ref in refs:
            quoted = quote(found[ref], batch.options) if ref in found else None
            if quoted is None:
                unavailable.append(ref)
                continue
            used.add(quoted.engine)
            image = image_key(found[ref])
            for key in render_keys(ref, quoted, house_models):
                if pairs is not None and key[:2] not in pairs:
                    continue
                renders += 1
                render = wanted.setdefault((image, *key[1:]), _WantedRender(quoted.price))
                render.exists |= known.is_current(key)
    existing = sum(render.exists for render in wanted.values())
    max_price = sum(render.price for render in wanted.values())
    price = sum(render.price for render in wanted.values() if not render.exists)
    shared = renders - len(wanted)
    return Preview(renders, shared, existing, price, max_price, unavailable, sorted(used), budget_statuses())


@dataclass
class _WantedRender:
    """A render that all products with the same image share."""

    price: int
    exists: bool = False


def missing(
    products: Iterable[str], house_models: Sequence[PersonPhoto] = (), *, options: Options | None = None
) -> list[str]:
    """Return the references of products that lack a render on one or more of these house models.

    Leave out products that cannot be rendered now. If no house models are given, return the references of
    all products without a render on any house model.
    """
    if house_models:
        return _select(products, house_models, options, ExistingRenders.is_missing)
    return [ref for refs in chunks(list(products)) for ref in _without(refs, ExistingRenders(refs).products)]


def outdated(
    products: Iterable[str], house_models: Sequence[PersonPhoto], *, options: Options | None = None
) -> list[str]:
    """Return the references of products whose images have changed since their renders on these house models.

    Leave out products that cannot be rendered now. A changed image is known within a minute after its product
    was saved, otherwise after the next check of all products.
    """
    return _select(products, house_models, options, ExistingRenders.is_outdated)


def _select(
    products: Iterable[str],
    house_models: Sequence[PersonPhoto],
    options: Options | None,
    is_wanted: Callable[[ExistingRenders, RenderKey], bool],
) -> list[str]:
    """Return the products for which `is_wanted` is true of at least one of their renders."""
    result: list[str] = []
    for refs in chunks(list(products)):
        existing = ExistingRenders(refs, house_models)
        found = find_products(_without(refs, existing.unusable))
        for ref in refs:
            quoted = quote(found[ref], options or {}) if ref in found else None
            keys = render_keys(ref, quoted, house_models) if quoted else []
            if any(is_wanted(existing, key) for key in keys):
                result.append(ref)
    return result


def _without(refs: Iterable[str], excluded: Container[str]) -> list[str]:
    return [ref for ref in refs if ref not in excluded]


@database.retry
def confirm(batch: Batch, *, notify: bool = True) -> bool:
    """Start a draft, and have staff told when it is finished. Return False if it is no longer a draft.

    Raise `Refused` if no product or no active house model is selected, or if an option is invalid.
    """
    _check_options(batch.options)
    count = batch.house_models.active_house_models().count()
    if not count and batch.house_models.exists():
        raise Refused("request_invalid", _("These house models are inactive, or their releases have ended."))
    if not batch.products or not count:
        raise Refused("request_invalid", _("Choose at least one product and one house model."))
    now = clock.now()
    with database.atomic():
        started = Batch.objects.filter(pk=batch.pk, status=Batch.Status.DRAFT).update(
            status=Batch.Status.RUNNING,
            confirmed_at=now,
            due_at=now,
            product_count=len(batch.products),
            products_done=len(batch.products) if batch.has_given_renders else 0,
            total=batch.next_position if batch.has_given_renders else len(batch.products) * count,
        )
        if started and notify:
            notices.expect(batch)
        database.on_commit(wake, robust=True)
    batch.refresh_from_db()
    return bool(started)


def _check_options(options: Options) -> None:
    for name, engine_options in options.items():
        if name not in engines():
            raise Refused("options_invalid", field=f"options.{name}")
        try:
            engines()[name].clean_options(engine_options)
        except OptionError as error:
            raise Refused("options_invalid", field=f"options.{name}.{error.name}") from error


def start(
    products: Iterable[Model | str],
    house_models: Iterable[PersonPhoto],
    *,
    options: Options | None = None,
    name: str = "",
    user: Any = None,
    notify: bool = True,
) -> Batch:
    """Create a batch and start it. If `confirm` raises `Refused`, nothing is stored."""
    products, house_models = list(products), list(house_models)

    @database.retry
    def create_and_confirm() -> Batch:
        with database.atomic():
            batch = draft(products, house_models, options=options, name=name, user=user)
            confirm(batch, notify=notify)
        return batch

    return create_and_confirm()
