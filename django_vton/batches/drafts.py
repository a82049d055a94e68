"""A batch before it runs: a draft that is kept, what it would cost, and the word to begin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..billing.budget_status import BudgetStatus, budget_statuses
from ..exceptions import Refused
from ..gateway.engines import engines
from ..models import Batch, PersonPhoto, TryOnRequest
from ..pixazo import OptionError
from ..products import reference
from ..queue import wake
from .catalogue import Terms, chunks, look_up, terms

if TYPE_CHECKING:
    from django.db.models import Model

Options = Mapping[str, Mapping[str, Any]]
"""The options of each engine, by its name: `{"fashn-v1.6": {"num_samples": 2}}`."""


def draft(
    products: Iterable[Model | str],
    house_models: Iterable[PersonPhoto] = (),
    *,
    options: Options | None = None,
    name: str = "",
    user: Any = None,
) -> Batch:
    """Keep a selection: products, or their references, in this order, each once. Nothing is asked for yet."""
    refs = dict.fromkeys(item if isinstance(item, str) else reference(item) for item in products)
    with transaction.atomic():
        batch = Batch.objects.create(
            name=name, products=list(refs), options=dict(options or {}), created_by=user
        )
        batch.house_models.set(house_models)
    return batch


@dataclass(frozen=True)
class Preview:
    """What a draft would come to. Amounts are micro-USD."""

    renders: int
    """Products times the house models that suit them."""
    present: int
    """Renders that are there, or being made, and are not paid again; unless the product's picture changed."""
    price: int
    """Of those that are not there."""
    price_at_most: int
    """Of all, should every picture have changed."""
    impossible: list[str]
    """Products that are not there any more, or cannot be tried on now."""
    engines: list[str]
    """The engines that its products are rendered with."""
    budgets: list[BudgetStatus]
    """The budgets of today and of this month."""

    @property
    def left(self) -> int | None:
        """What the budgets have left now; None without a cap. What does not fit waits for another day."""
        return min((budget.left for budget in self.budgets if budget.left is not None), default=None)

    @property
    def fits(self) -> bool:
        """Whether the budgets have room for it now."""
        return self.left is None or self.price <= self.left


def preview(batch: Batch) -> Preview:
    """Count and price a draft. It reads products in bulk, no picture files, and writes nothing."""
    house_models = list(batch.house_models.house())
    renders = present = price = at_most = 0
    impossible: list[str] = []
    used: set[str] = set()
    for refs in chunks(batch.products):
        found = look_up(refs)
        there = _there(refs, house_models)
        for ref in refs:
            offer = terms(found[ref], batch.options) if ref in found else None
            if offer is None:
                impossible.append(ref)
                continue
            used.add(offer.engine)
            suited = [photo for photo in house_models if photo.suits_kind(offer.kind)]
            ready = sum(_key(ref, photo.pk, offer.engine, offer.options) in there for photo in suited)
            renders += len(suited)
            present += ready
            price += offer.price * (len(suited) - ready)
            at_most += offer.price * len(suited)
    return Preview(renders, present, price, at_most, impossible, sorted(used), budget_statuses())


def missing(
    products: Iterable[str], house_models: Sequence[PersonPhoto] = (), *, options: Options | None = None
) -> list[str]:
    """Those of these products that lack a render: on one of these house models, or, without any, on all."""
    refs = list(products)
    lacking: list[str] = []
    for some in chunks(refs):
        there = _there(some, house_models)
        if not house_models:
            known = {product for product, *_rest in there}
            lacking += [ref for ref in some if ref not in known]
            continue
        found = look_up(some)
        for ref in some:
            offer = terms(found[ref], options or {}) if ref in found else None
            if offer is not None and _lacks(ref, offer, house_models, there):
                lacking.append(ref)
    return lacking


def _lacks(ref: str, offer: Terms, house_models: Sequence[PersonPhoto], there: set[tuple[Any, ...]]) -> bool:
    suited = (photo for photo in house_models if photo.suits_kind(offer.kind))
    return any(_key(ref, photo.pk, offer.engine, offer.options) not in there for photo in suited)


def _there(refs: Sequence[str], house_models: Sequence[PersonPhoto]) -> set[tuple[Any, ...]]:
    """The renders that all share, of these products on these house models (on any, where none is named)."""
    rows = TryOnRequest.objects.filter(shared_key__isnull=False, product__in=refs)
    if house_models:
        rows = rows.filter(photo__in=house_models)
    return {_key(*row) for row in rows.values_list("product", "photo", "engine", "options")}


def _key(product: str, photo: Any, engine: str, options: Mapping[str, Any]) -> tuple[Any, ...]:
    return product, photo, engine, json.dumps(options, sort_keys=True)


def confirm(batch: Batch) -> bool:
    """Let a draft run: one short transaction, whatever its size; False where it is no draft any more.

    Raises Refused where nothing is chosen, or an option is not possible.
    """
    _check_options(batch.options)
    count = batch.house_models.house().count()
    if not batch.products or not count:
        raise Refused("request_invalid", _("Choose at least one product and one house model."))
    now = timezone.now()
    with transaction.atomic():
        begun = Batch.objects.filter(pk=batch.pk, status=Batch.Status.DRAFT).update(
            status=Batch.Status.RUNNING,
            confirmed_at=now,
            due_at=now,
            product_count=len(batch.products),
            total=len(batch.products) * count,
        )
        transaction.on_commit(wake, robust=True)
    batch.refresh_from_db()
    return bool(begun)


def _check_options(options: Options) -> None:
    for name, wishes in options.items():
        if name not in engines():
            raise Refused("options_invalid", field=f"options.{name}")
        try:
            engines()[name].clean_options(wishes)
        except OptionError as error:
            raise Refused("options_invalid", field=f"options.{name}.{error.name}") from error


def start(
    products: Iterable[Model | str],
    house_models: Iterable[PersonPhoto],
    *,
    options: Options | None = None,
    name: str = "",
    user: Any = None,
) -> Batch:
    """Draft and confirm: for a shop's own code. Raises Refused, with nothing stored."""
    with transaction.atomic():
        batch = draft(products, house_models, options=options, name=name, user=user)
        confirm(batch)
    return batch
