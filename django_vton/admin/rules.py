"""The admin of rules: what a rule renders, its dry run, and its runs with the batches that it has made."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..batches import rules
from ..conf import MAX_USD, MICROS_PER_USD, config
from ..gateway.engines import engines
from ..models import BatchRule, PersonPhoto
from ..utils import clock, database
from ..utils.money import format_usd
from .base import can_spend
from .batches.base import BatchPages
from .batches.forms import BatchSetupForm
from .batches.product_search import model_choices
from .house_models import kind_choices, suited_kinds

logger = logging.getLogger(__name__)

MAX_RUNS = 30
"""The maximum number of runs on the page of a rule."""

ALL = ("", gettext_lazy("All"))
HOURS = [(hour, f"{hour}:00") for hour in range(24)]


class BatchRuleForm(BatchSetupForm):
    """The form of a rule: products, house models, options, hour and budget."""

    search_text = forms.CharField(label=gettext_lazy("Search"), max_length=200, required=False)
    search_model = forms.ChoiceField(label=gettext_lazy("Product type"), required=False)
    search_kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    hour = forms.TypedChoiceField(label=gettext_lazy("Hour"), choices=HOURS, coerce=int)
    daily_budget = forms.DecimalField(
        label=gettext_lazy("Daily budget in USD"),
        min_value=Decimal("0.01"),
        max_value=MAX_USD,
        decimal_places=6,
    )

    own_fields = ("search_text", "search_model", "search_kind", "hour")

    def __init__(self, data: Any, rule: BatchRule) -> None:
        super().__init__(data, rule, engines())
        for name in ("name", "house_models"):
            self.fields[name].required = True
        model: Any = self.fields["search_model"]
        model.choices = [ALL, *model_choices()]
        kind: Any = self.fields["search_kind"]
        kind.choices = [ALL, *kind_choices(*filter(None, [rule.search_kind]))]
        self.initial.update({name: getattr(rule, name) for name in self.own_fields})
        if rule.daily_budget:
            self.initial["daily_budget"] = Decimal(rule.daily_budget) / MICROS_PER_USD

    @property
    def changes_renders(self) -> bool:
        """Whether more than the name was changed."""
        return bool(set(self.changed_data) - {"name"})

    def save(self, rule: BatchRule) -> None:
        """Save the rule. If what it renders has changed, it is off until another dry run was seen."""
        cleaned = self.cleaned_data
        rule.name, rule.options = cleaned["name"], cleaned["options"]
        rule.daily_budget = int(cleaned["daily_budget"] * MICROS_PER_USD)
        for name in self.own_fields:
            setattr(rule, name, cleaned[name])
        fields = ["name", "options", "daily_budget", *self.own_fields]
        if self.changes_renders:
            rule.is_enabled, rule.changed_at, rule.continue_after = False, clock.now(), ""
            fields += ["is_enabled", "changed_at", "continue_after"]
        _store(rule, fields if rule.pk else None, list(cleaned["house_models"]))


@database.retry
def _store(rule: BatchRule, fields: list[str] | None, house_models: list[PersonPhoto]) -> None:
    with database.atomic():
        rule.save(update_fields=fields)
        rule.house_models.set(house_models)


@admin.register(BatchRule)
class BatchRuleAdmin(BatchPages):
    """The list and the page of rules. Viewing needs `view_batchrule`; everything else also needs `spend`."""

    list_display = ["name", "is_enabled", "daily", "hour", "last_run"]
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may start batches, since a rule does so."""
        return can_spend(request) and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for adding."""
        return self.has_add_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user has the permission to view rules."""
        return bool(request.user.has_perm("vton.view_batchrule"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for adding, but a rule that has made a batch stays on record. It can be switched off."""
        is_unused = obj is not None and not obj.runs.filter(batch__isnull=False).exists()
        return is_unused and self.has_add_permission(request)

    @admin.display(description=gettext_lazy("daily budget"), ordering="daily_budget")
    def daily(self, rule: BatchRule) -> str:
        """The daily budget in USD."""
        return format_usd(rule.daily_budget)

    @admin.display(description=gettext_lazy("last run"))
    def last_run(self, rule: BatchRule) -> Any:
        """The time of the last run that was not a dry one."""
        return rule.runs.filter(day__isnull=False).values_list("at", flat=True).first()

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page of a rule that does not exist yet."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._rule_page(request, BatchRule())

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page of a rule. A POST saves it, or switches it on or off."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rule = BatchRule.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        if rule is None:
            raise Http404
        if request.method == "POST" and not self.has_change_permission(request):
            raise PermissionDenied
        do = request.POST.get("do")
        if do in SWITCHES:
            is_done, text = SWITCHES[do](request, rule)
            if is_done:
                self.log_change(request, rule, text)
            messages.add_message(request, messages.SUCCESS if is_done else messages.WARNING, text)
            return self._redirect(rule)
        return self._rule_page(request, rule)

    def _redirect(self, rule: BatchRule) -> HttpResponse:
        url = reverse("admin:vton_batchrule_change", args=[rule.pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(url)

    def _rule_page(self, request: HttpRequest, rule: BatchRule) -> HttpResponse:
        form = BatchRuleForm(request.POST if request.method == "POST" else None, rule)
        if form.is_bound and form.is_valid():
            self._save(request, rule, form)
            return self._redirect(rule)
        runs = list(rule.runs.select_related("batch").defer("batch__products")[:MAX_RUNS]) if rule.pk else []
        dry_run = next((run for run in runs if run.is_dry and run.at >= rule.changed_at), None)
        selected = {str(pk) for pk in form["house_models"].value() or ()}
        return self.render_page(
            request,
            "rule",
            title=str(rule) or _("Add batch rule"),
            rule=rule,
            form=form,
            search_fields=[form[name] for name in form.own_fields if name.startswith("search_")],
            can_change=self.has_change_permission(request),
            can_delete=rule.pk is not None and self.has_delete_permission(request, rule),
            time_zone=config.time_zone,
            house_models=[
                (photo, suited_kinds(photo), str(photo.pk) in selected)
                for photo in PersonPhoto.objects.active_house_models()
            ],
            runs=runs,
            dry_run=dry_run,
            unfinished=rules.unfinished_batch(rule) if rule.pk and rule.is_enabled else None,
        )

    def _save(self, request: HttpRequest, rule: BatchRule, form: BatchRuleForm) -> None:
        is_new = rule.pk is None
        was_on = rule.is_enabled
        form.save(rule)
        log = self.log_addition if is_new else self.log_change
        log(request, rule, _("Saved."))
        if was_on and not rule.is_enabled:
            messages.warning(
                request,
                _("The rule was changed, so it is off. See its dry run, then switch it on again."),
            )
        try:
            rules.dry_run(rule)
        except Exception as error:  # The shop's own code finds and describes the products.
            logger.exception("The dry run of rule %s failed", rule.pk)
            text = _("The shop's own code failed: %(error)s") % {"error": repr(error)[:300]}
            messages.error(request, text)


def _switch_on(request: HttpRequest, rule: BatchRule) -> tuple[bool, str]:
    if rules.switch_on(rule, request.POST.get("dry_run", ""), user=request.user):
        return True, _("The rule is on.")
    return False, _("The rule was changed, or is on already. Please check it again.")


def _switch_off(_request: HttpRequest, rule: BatchRule) -> tuple[bool, str]:
    if rules.switch_off(rule):
        return True, _("The rule is off. Batches that it has made continue.")
    return False, _("The rule is off already.")


SWITCHES = {"on": _switch_on, "off": _switch_off}
"""What the buttons of the page do, by their value."""
