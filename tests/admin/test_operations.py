import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton.intake import availability
from django_vton.models import PauseSwitch
from django_vton.web import button_visibility

from .conftest import Staff, get_page, visible_text

SWITCH = "admin:vton_pauseswitch_change"


@pytest.mark.parametrize("name", ["add", "changelist"])
def test_list_and_add_page_redirect_to_the_switch(superuser: Client, name: str) -> None:
    response = superuser.get(reverse(f"admin:vton_pauseswitch_{name}"))

    assert response.headers["Location"] == reverse(SWITCH, args=[1])
    assert PauseSwitch.objects.count() == 1


def test_a_pause_takes_effect_on_cached_buttons(
    staff: Staff, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    operator = staff("operate")
    operator.get(reverse("admin:vton_pauseswitch_changelist"))
    cache.clear()
    assert not button_visibility.visibility().hidden_reason

    with django_capture_on_commit_callbacks(execute=True):
        operator.post(reverse(SWITCH, args=[1]), {"is_paused": "on"})

    switch = PauseSwitch.objects.get()
    assert switch.is_paused
    assert switch.changed_by is not None
    assert switch.changed_by.username == "vera"
    assert availability.refusal_code() == "paused"
    assert button_visibility.visibility().hidden_reason
    assert "No: Try-on is paused." in visible_text(get_page(operator, SWITCH, 1))
    cache.clear()


def test_a_viewer_cannot_pause(viewer: Client) -> None:
    viewer.get(reverse("admin:vton_pauseswitch_changelist"))

    assert "Shoppers can try on." in visible_text(get_page(viewer, SWITCH, 1))
    assert viewer.post(reverse(SWITCH, args=[1]), {"is_paused": "on"}).status_code == 403
    assert not PauseSwitch.objects.get().is_paused


def test_the_switch_cannot_be_deleted(superuser: Client) -> None:
    PauseSwitch.objects.create(pk=1)

    assert superuser.post(reverse("admin:vton_pauseswitch_delete", args=[1])).status_code == 403
