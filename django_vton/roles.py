"""Create three groups with permissions, once. The shop may change or delete the groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig

VIEWER = "Try-on viewer"
MERCHANDISER = "Try-on merchandiser"
OPERATOR = "Try-on operator"

_VIEW = frozenset(
    f"view_{model}"
    for model in (
        "batch",
        "batchrule",
        "tryonrequest",
        "housemodel",
        "productcheck",
        "pauseswitch",
    )
)
_HOUSE_MODELS = frozenset(f"{verb}_housemodel" for verb in ("add", "change", "delete"))

ROLES: dict[str, frozenset[str]] = {
    VIEWER: _VIEW,
    MERCHANDISER: _VIEW | _HOUSE_MODELS | {"change_batch", "spend"},
    OPERATOR: _VIEW | {"operate", "spend"},
}
"""No role may view shoppers' photos. The shop has to grant that permission explicitly."""

INITIAL_MIGRATION = "0001_initial"


def create_groups(app_config: AppConfig, using: str, plan: Iterable[Any] = (), **_kwargs: Any) -> None:
    """Create the groups when the first migration is applied. Receiver of `post_migrate`.

    Later migrations do not create them again, so a deleted group stays deleted.
    """
    from django.apps import apps
    from django.db import router

    is_first_run = any(
        migration.app_label == app_config.label and migration.name == INITIAL_MIGRATION and not backwards
        for migration, backwards in plan
    )
    if not is_first_run or not apps.is_installed("django.contrib.auth"):
        return
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    if not router.allow_migrate_model(using, Group):
        return
    # If django.contrib.auth comes later in INSTALLED_APPS, the permissions do not exist yet.
    create_permissions(app_config, verbosity=0, interactive=False, using=using)
    for name, codenames in ROLES.items():
        group, is_new = Group.objects.using(using).get_or_create(name=name)
        if is_new:
            ours = Permission.objects.using(using).filter(content_type__app_label=app_config.label)
            group.permissions.set(ours.filter(codename__in=codenames))
