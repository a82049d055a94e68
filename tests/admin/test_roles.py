"""The three default groups: what each may view and do at every URL of the package's admin."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton import roles
from django_vton.models import (
    Batch,
    BatchRule,
    HouseModel,
    PauseSwitch,
    PhotoAccess,
    ProductCheck,
)
from django_vton.models.states import State
from django_vton.roles import MERCHANDISER, OPERATOR, VIEWER

from . import factories
from .conftest import LIST, action_data, get_page, get_status
from .unknown_outcomes import CONFIRMED

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import ModelAdmin

NOBODY = "nobody"
ALL = (NOBODY, VIEWER, MERCHANDISER, OPERATOR)


class Migration:
    """The attributes of a migration that `create_groups` reads."""

    app_label = "vton"
    name = roles.INITIAL_MIGRATION


@pytest.fixture
def groups(db: None) -> None:  # noqa: ARG001 - the fixture opens the database
    """Create the groups as `migrate` does, since tests with real transactions empty the tables."""
    roles.create_groups(apps.get_app_config("vton"), "default", [(Migration, False)])


@pytest.fixture
def member(groups: None) -> Callable[[str], Client]:  # noqa: ARG001 - there must be some
    def log_in(role: str) -> Client:
        user = User.objects.create_user(f"of {role}", is_staff=True)
        if role != NOBODY:
            user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return log_in


def admins() -> list[ModelAdmin[Any]]:
    registered = admin.site._registry.values()
    return [found for found in registered if found.model._meta.app_label == "vton"]


def admin_urls() -> set[str]:
    """Return every URL of the package's admin, with existing rows."""
    request = factories.create_unresolved_tryon()
    access = PhotoAccess.objects.create(
        kind=PhotoAccess.Kind.PHOTO, object_id=uuid4(), day=timezone.localdate()
    )
    objects: dict[str, Any] = {
        "batch": Batch.objects.create(status=Batch.Status.RUNNING).pk,
        "batchrule": BatchRule.objects.create(name="New", daily_budget=1).pk,
        "photoaccess": access.pk,
        "tryonrequest": request.pk,
        "housemodel": factories.create_house_model().pk,
        "productcheck": ProductCheck.objects.create(product="shop.product:42", problem="too small").pk,
        "pauseswitch": PauseSwitch.objects.create(pk=1).pk,
    }
    found = set()
    for model_admin in admins():
        name = model_admin.opts.model_name or ""
        for pattern in model_admin.get_urls():
            if not pattern.name:
                continue  # Django's redirect from an old URL.
            args = [objects[name]] if pattern.pattern.converters else []
            found.add(reverse(f"admin:{pattern.name}", args=args))
    return found


GET_ROLES = {
    # The roles that may GET a URL with this ending.
    "/conversion/": {VIEWER, MERCHANDISER, OPERATOR},
    "/conversion/days.csv": {VIEWER, MERCHANDISER, OPERATOR},
    "/conversion/invoice/": {VIEWER, MERCHANDISER, OPERATOR},
    "/conversion/invoice.csv": {VIEWER, MERCHANDISER, OPERATOR},
    "/incident/": {OPERATOR},
    "/housemodel/add/": {MERCHANDISER},
    "/housemodel/import/": {MERCHANDISER},
    "/batch/add/": {MERCHANDISER, OPERATOR},
    "/batchrule/add/": {MERCHANDISER, OPERATOR},
    "/products/": {MERCHANDISER, OPERATOR},
    "/cancel/": {MERCHANDISER, OPERATOR},
    "/retry/": {MERCHANDISER, OPERATOR},
    "/delete/": set(),
    "/add/": set(),
}


POST_ROLES = {
    "/adopt/": {OPERATOR},
    "/withdraw/": {OPERATOR},
    "/not-charged/": {OPERATOR},
    "/write-off/": {OPERATOR},
    "/discard/": {MERCHANDISER, OPERATOR},
    "/pause/": {MERCHANDISER, OPERATOR},
    "/resume/": {MERCHANDISER, OPERATOR},
    "/rerender/": {MERCHANDISER, OPERATOR},
    "/publish/": {MERCHANDISER},
}
"""The roles that may POST to a URL with this ending, which refuses GET."""


def allowed_roles(url: str) -> set[str]:
    if "/photoaccess/" in url:
        return set()  # The access log is limited to the roles that the shop chooses.
    if "/housemodel/" in url and url.endswith("/delete/"):
        return {MERCHANDISER}
    if "/batchrule/" in url and url.endswith("/delete/"):
        return {MERCHANDISER, OPERATOR}
    if url.endswith(("/pauseswitch/add/", "/pauseswitch/")):
        return {NOBODY, *ALL}  # Redirects to the switch, which checks the permission.
    for ending, allowed in GET_ROLES.items():
        if url.endswith(ending):
            return allowed
    return {VIEWER, MERCHANDISER, OPERATOR}


@pytest.mark.parametrize("role", ALL)
def test_each_url_is_limited_to_its_roles(member: Callable[[str], Client], role: str) -> None:
    client = member(role)
    urls = admin_urls()
    assert len(urls) > 25
    for url in sorted(urls):
        response = client.get(url)
        if response.streaming:
            response.getvalue()
        if allowed := next((allowed for ending, allowed in POST_ROLES.items() if url.endswith(ending)), None):
            assert response.status_code == 405, url
            assert (client.post(url).status_code == 403) == (role not in allowed), url
            continue
        is_allowed = response.status_code in {200, 302}
        assert is_allowed == (role in allowed_roles(url)), (url, response.status_code)


@pytest.mark.parametrize("role", ALL)
def test_the_admin_index_lists_what_each_role_may_view(member: Callable[[str], Client], role: str) -> None:
    html = member(role).get(reverse("admin:index")).content.decode()

    offered = {
        name for name in ("tryonrequest", "conversion", "housemodel", "incident") if f"/{name}/" in html
    }
    expected = {
        NOBODY: set(),
        VIEWER: {"tryonrequest", "conversion", "housemodel"},
        MERCHANDISER: {"tryonrequest", "conversion", "housemodel"},
        OPERATOR: {"tryonrequest", "conversion", "housemodel", "incident"},
    }
    assert offered == expected[role]


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (VIEWER, set()),
        (MERCHANDISER, {"retry"}),
        (OPERATOR, {"retry", "poll_now", "cancel", "erase"}),
    ],
)
def test_each_action_is_limited_to_its_roles(
    member: Callable[[str], Client], role: str, actions: set[str]
) -> None:
    client = member(role)
    factories.create_tryon(factories.create_guest())
    html = get_page(client, LIST)
    every = ("retry", "poll_now", "cancel", "erase")
    assert {name for name in every if f'<option value="{name}"' in html} == actions

    for name in every:
        due: dict[str, Any] = {"due_at": timezone.now() + timedelta(minutes=5)}
        request = (
            factories.create_failed_tryon()
            if name == "retry"
            else factories.set_state(factories.create_tryon(factories.create_guest()), State.SUBMITTED, **due)
        )
        before = request.events.count()
        client.post(reverse(LIST), action_data(name, request, **CONFIRMED))
        assert (request.events.count() > before) == (name in actions), name


@pytest.mark.parametrize("role", [VIEWER, MERCHANDISER, OPERATOR])
def test_no_role_may_view_shoppers_photos_by_default(member: Callable[[str], Client], role: str) -> None:
    shopper = factories.create_guest()
    request = factories.complete_tryon(factories.create_tryon(shopper, photo=factories.create_photo(shopper)))
    client = member(role)

    for url in (
        reverse("vton:image", args=[request.images.get().pk]),
        reverse("vton:photo-file", args=[request.photo_id]),
    ):
        assert url not in get_page(client, "admin:vton_tryonrequest_change", request.pk)
        assert get_status(client, url) == 404


@pytest.mark.parametrize(("role", "is_allowed"), [(VIEWER, False), (MERCHANDISER, True), (OPERATOR, False)])
def test_only_merchandisers_change_house_models(
    member: Callable[[str], Client], role: str, *, is_allowed: bool
) -> None:
    model = factories.create_house_model()
    client = member(role)
    data = {"name": "Ada", "suits": [], "labels": "", "rights_note": "", "is_active": "on", "position": "0"}

    response = client.post(reverse("admin:vton_housemodel_change", args=[model.pk]), data)

    assert response.status_code == (302 if is_allowed else 403)
    assert HouseModel.objects.get().name == ("Ada" if is_allowed else "Noa")


@pytest.mark.parametrize(("role", "is_allowed"), [(VIEWER, False), (MERCHANDISER, False), (OPERATOR, True)])
def test_only_operators_pause(member: Callable[[str], Client], role: str, *, is_allowed: bool) -> None:
    PauseSwitch.objects.create(pk=1)
    client = member(role)

    client.post(reverse("admin:vton_pauseswitch_change", args=[1]), {"is_paused": "on"})

    assert PauseSwitch.objects.get().is_paused == is_allowed


def codenames(name: str) -> set[str]:
    return set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))


@pytest.mark.usefixtures("groups")
def test_the_groups_have_exactly_their_permissions() -> None:
    assert {name: codenames(name) for name in roles.ROLES} == roles.ROLES
    given = Permission.objects.filter(group__name__in=roles.ROLES)
    assert not given.filter(codename="view_shopper_photos").exists()
    assert set(given.values_list("content_type__app_label", flat=True)) == {"vton"}


@pytest.mark.usefixtures("groups")
def test_a_migration_does_not_restore_changed_groups() -> None:
    Group.objects.get(name=VIEWER).delete()
    Group.objects.get(name=OPERATOR).permissions.clear()

    call_command("migrate", verbosity=0)

    assert not Group.objects.filter(name=VIEWER).exists()
    assert codenames(OPERATOR) == set()


@pytest.mark.django_db
def test_an_existing_group_with_the_same_name_is_not_changed() -> None:
    Group.objects.all().delete()
    Group.objects.create(name=VIEWER)

    roles.create_groups(apps.get_app_config("vton"), "default", [(Migration, False)])

    assert codenames(VIEWER) == set()
    assert codenames(MERCHANDISER)


@pytest.mark.django_db
def test_migrating_backwards_creates_no_groups() -> None:
    Group.objects.all().delete()

    roles.create_groups(apps.get_app_config("vton"), "default", [(Migration, True)])
    roles.create_groups(apps.get_app_config("vton"), "default")

    assert not Group.objects.exists()
