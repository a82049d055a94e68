"""Three groups to begin with. They are the shop's from then on: what an admin changes or deletes stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.apps import AppConfig

VIEWER = "Try-on viewer"
MERCHANDISER = "Try-on merchandiser"
OPERATOR = "Try-on operator"

_VIEW = frozenset(
    f"view_{model}"
    for model in (
        "batch",
        "tryonrequest",
        "housemodel",
        "productimage",
        "budgetperiod",
        "gatewaystate",
        "pauseswitch",
    )
)
_HOUSE_MODELS = frozenset(f"{verb}_housemodel" for verb in ("add", "change", "delete"))

ROLES: dict[str, frozenset[str]] = {
    VIEWER: _VIEW,
    MERCHANDISER: _VIEW | _HOUSE_MODELS | {"change_batch", "spend"},
    OPERATOR: _VIEW | {"operate", "spend"},
}
"""Nobody's role lets them look at shoppers' photos: who may is for the shop to say, one by one."""

FIRST = "0001_initial"


def make_groups(app_config: AppConfig, using: str, plan: Iterable[Any] = (), **_kwargs: Any) -> None:
    """Receiver of `post_migrate`, in the run that makes the package's tables, and in no later one.

    So nothing has to be remembered, and a deleted group does not come back with the next update.
    """
    from django.apps import apps
    from django.db import router

    begins = any(
        migration.app_label == app_config.label and migration.name == FIRST and not backwards
        for migration, backwards in plan
    )
    if not begins or not apps.is_installed("django.contrib.auth"):
        return
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    if not router.allow_migrate_model(using, Group):
        return
    # Where the package stands before django.contrib.auth, they are not there yet.
    create_permissions(app_config, verbosity=0, interactive=False, using=using)
    for name, codenames in ROLES.items():
        group, is_new = Group.objects.using(using).get_or_create(name=name)
        if is_new:
            ours = Permission.objects.using(using).filter(content_type__app_label=app_config.label)
            group.permissions.set(ours.filter(codename__in=codenames))
