"""Rules make batches by themselves: each day the new and changed products of a search, within a budget.

Once a minute, `run_due` looks for a rule whose hour has come. Finding the products takes time and writes
nothing. Then one transaction stores the run, which is unique for its day, with its started batch. So neither
a crash nor a second worker makes two batches, and a killed run is repeated as a whole.

The budget holds twice. A batch is not larger than what is left of it, and the feeder releases no render that
would exceed it, on whichever day.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as dt_time
from typing import Any

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..conf import config
from ..exceptions import BudgetExhausted, Refused
from ..lifecycle import CONNECTION_ERRORS
from ..models import (
    Attempt,
    Batch,
    BatchRender,
    BatchRule,
    BatchRuleRun,
    PersonPhoto,
    ProductCheck,
    TryOnRequest,
)
from ..models.states import Money
from ..utils import clock, database
from ..utils.periods import period_bounds, seconds_until, today
from .catalogue import chunks, find_products, quote
from .drafts import missing, outdated, start
from .search import ProductSearch

logger = logging.getLogger(__name__)

SEARCH_SECONDS = 30.0
"""The time limit for finding products. The next run goes on behind the last product that was examined."""

DRY_RUN_SECONDS = 10.0
"""The time limit of a dry run, for which a person waits."""

RETRY_REFUSED = timedelta(days=7)
"""The time after which a product that could not be rendered is tried again. This costs nothing."""


@dataclass
class Selection:
    """The products that lack a render, in the shop's order, as far as they fit into a budget (micro-USD)."""

    budget: int
    max_price: int
    """The daily budget. A product with a higher price is skipped, since it fits on no day."""
    refs: list[str] = field(default_factory=list)
    renders: int = 0
    price: int = 0
    further: int = 0
    """The number of products that did not fit, as far as they were examined."""
    too_expensive: int = 0
    continue_after: str = ""
    error: str = ""

    def add(self, ref: str, renders: int, price: int) -> None:
        """Add a product with its number of renders, unless their price does not fit any more."""
        if price > self.max_price:
            self.too_expensive += 1
            return
        if self.further or self.price + price > self.budget:
            self.further += 1
            return
        self.refs.append(ref)
        self.renders += renders
        self.price += price

    @property
    def problem(self) -> str:
        """Why products are missing, or "" if none are."""
        text = ngettext(
            "%(n)d product costs more than the daily budget.",
            "%(n)d products cost more than the daily budget.",
            self.too_expensive,
        )
        return self.error or (text % {"n": self.too_expensive} if self.too_expensive else "")


def run_due() -> None:
    """Run the first rule whose hour has come, if any. The others follow in the next minutes."""
    now, day = clock.now(), today()
    ran_today = BatchRuleRun.objects.filter(rule=OuterRef("pk"), day=day)
    for rule in BatchRule.objects.filter(~Exists(ran_today), is_enabled=True).order_by("hour", "pk"):
        if is_due(rule, now, day) and unfinished_batch(rule) is None:
            _run(rule, day)
            return


def is_due(rule: BatchRule, now: datetime, day: date) -> bool:
    """Return whether the rule's hour has come on this day, and the rule was switched on before."""
    begins = datetime.combine(day, dt_time(rule.hour), config.time_zone)
    return rule.enabled_at is not None and rule.enabled_at <= begins <= now


def unfinished_batch(rule: BatchRule) -> Batch | None:
    """Return a batch of this rule that is not finished. Until then, the rule makes no other one."""
    is_open = Q(status__in=(Batch.Status.RUNNING, Batch.Status.PAUSED))
    batches = Batch.objects.defer("products").filter(is_open, rule_run__rule=rule)
    return batches.exclude(pk__in=Batch.objects.finished().values("pk")).first()


def _run(rule: BatchRule, day: date) -> None:
    house_models = list(rule.house_models.active_house_models())
    selection = Selection(budget=rule.daily_budget - spent(rule, day), max_price=rule.daily_budget)
    try:
        _search(rule, house_models, selection, seconds=SEARCH_SECONDS, stop_if_full=True)
    except CONNECTION_ERRORS:
        raise
    except Exception as error:
        logger.exception("Rule %s finds no products, because the shop's own code failed", rule.pk)
        selection.error = _("The shop's own code failed: %(error)s") % {"error": repr(error)[:300]}
    try:
        with database.atomic():
            # Begin with a write, which locks the row on every database.
            unchanged = BatchRule.objects.filter(pk=rule.pk, is_enabled=True, changed_at=rule.changed_at)
            if unchanged.update(continue_after=selection.continue_after):
                _store(rule, day, house_models, selection)
    except IntegrityError:
        logger.info("Another worker has run rule %s.", rule.pk)


def _store(rule: BatchRule, day: date, house_models: list[PersonPhoto], selection: Selection) -> None:
    """Store the run, which another worker may have done, and start its batch."""
    run = _build_run(rule, day, selection)
    run.save(force_insert=True)
    if not selection.refs:
        return
    try:
        name = f"{rule.name} {day.isoformat()}"[-200:]
        run.batch = start(selection.refs, house_models, options=rule.options, name=name, user=rule.enabled_by)
    except Refused as refusal:
        run.problem = str(refusal.detail)
    run.save()


def dry_run(rule: BatchRule) -> BatchRuleRun:
    """Store and return what the rule would render now with a whole day's budget. This costs nothing."""
    selection = Selection(budget=rule.daily_budget, max_price=rule.daily_budget)
    house_models = list(rule.house_models.active_house_models())
    _search(rule, house_models, selection, seconds=DRY_RUN_SECONDS, stop_if_full=False)
    run = _build_run(rule, None, selection)
    run.save(force_insert=True)
    return run


def _build_run(rule: BatchRule, day: date | None, selection: Selection) -> BatchRuleRun:
    return BatchRuleRun(
        rule=rule,
        day=day,
        at=clock.now(),
        products=len(selection.refs),
        renders=selection.renders,
        price=selection.price,
        further=selection.further,
        problem=selection.problem,
    )


@database.retry
def switch_on(rule: BatchRule, dry_run: str, *, user: Any = None) -> bool:
    """Switch a rule on, after its dry run with this key. Return False if it is on, or was changed since."""
    runs = BatchRuleRun.objects.filter(pk=dry_run) if dry_run.isdecimal() else BatchRuleRun.objects.none()
    seen = runs.filter(rule=OuterRef("pk"), day=None, at__gte=OuterRef("changed_at"))
    rows = BatchRule.objects.filter(Exists(seen), pk=rule.pk, is_enabled=False)
    return bool(rows.update(is_enabled=True, enabled_at=clock.now(), enabled_by=user))


@database.retry
def switch_off(rule: BatchRule) -> bool:
    """Switch a rule off; batches that it has made continue. Return False if it is off."""
    return bool(BatchRule.objects.filter(pk=rule.pk, is_enabled=True).update(is_enabled=False))


def spent(rule: BatchRule, day: date) -> int:
    """Return what the rule's batches have spent or reserved on this day, in micro-USD."""
    attempts = Attempt.objects.filter(
        request__batch__rule_run__rule=rule, budget_day=day, money__in=(Money.HELD, Money.SPENT)
    )
    return attempts.aggregate(total=Sum("amount"))["total"] or 0


def require_budget(batch: Batch, render: TryOnRequest) -> None:
    """Raise `BudgetExhausted` if this new render of the batch exceeds the daily budget of the batch's rule.

    Call this in the transaction that has accepted the render, so that it is rolled back.
    """
    rule = BatchRule.objects.select_for_update().filter(pk__in=batch_rule(batch)).first()
    if rule is None or render.batch_id != batch.pk:
        return
    day = render.attempts.latest("number").budget_day
    if spent(rule, day) > rule.daily_budget:
        raise BudgetExhausted(seconds_until(period_bounds("day")[1]))


def batch_rule(batch: Batch) -> Any:
    """Return a query of the key of the rule that has made the batch."""
    return BatchRuleRun.objects.filter(batch=batch).values("rule")


def _search(
    rule: BatchRule,
    house_models: Sequence[PersonPhoto],
    selection: Selection,
    *,
    seconds: float,
    stop_if_full: bool,
) -> None:
    """Add products to the selection, for about `seconds`."""
    if not house_models:
        selection.error = _("None of its house models is active.")
        return
    ends = time.monotonic() + seconds
    search = ProductSearch(rule.search_text, rule.search_model, rule.search_kind)
    for refs in chunks(_from(rule.continue_after, search.refs())):
        wanted = _lacking(rule, refs, house_models)
        found = find_products(wanted)
        for ref in wanted:
            quoted = quote(found[ref], rule.options) if ref in found else None
            if quoted is not None:
                number = sum(photo.suits_kind(quoted.kind) for photo in house_models)
                # Count existing renders too: they are free, but may not exist any more by then.
                selection.add(ref, number, number * quoted.price)
        if stop_if_full and selection.further:
            return
        if time.monotonic() >= ends:
            selection.continue_after = refs[-1]
            return


def _from(cursor: str, refs: list[str]) -> list[str]:
    """Return the products in their order, beginning after `cursor`."""
    start_at = refs.index(cursor) + 1 if cursor in refs else 0
    return refs[start_at:] + refs[:start_at]


def _lacking(rule: BatchRule, refs: Sequence[str], house_models: Iterable[PersonPhoto]) -> list[str]:
    """Return the products that are new, or whose picture has changed, and that this rule has not tried yet.

    What this rule has requested once, it does not request again with the same picture, whatever became of it:
    a product that fails would cost its price each day.
    """
    present = dict(ProductCheck.objects.filter(product__in=refs).values_list("product", "digest"))
    is_refused = Q(status=BatchRender.Status.REFUSED, batch__confirmed_at__gt=clock.now() - RETRY_REFUSED)
    rows = BatchRender.objects.filter(
        is_refused | Q(status=BatchRender.Status.REQUESTED), batch__rule_run__rule=rule, product__in=refs
    )
    tried = {
        (ref, photo)
        for ref, photo, digest in rows.values_list("product", "photo", "product_digest")
        if not (digest and present.get(ref)) or digest == present[ref]
    }
    wanted = {
        ref
        for photo in house_models
        for select in (missing, outdated)
        for ref in select(refs, [photo], options=rule.options)
        if (ref, photo.pk) not in tried
    }
    return [ref for ref in refs if ref in wanted]
