"""A status that the vendor does not document keeps a render running, and is reported once per word."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_vton.health import find_incidents, notice
from django_vton.health.statuses import MAX_WORDS
from django_vton.models import UnknownStatus
from django_vton.models.states import State

if TYPE_CHECKING:
    from .harness import Harness


def run_and_poll(harness: Harness, times: int = 2) -> None:
    """Order a try-on, submit it, and poll it some times."""
    row = harness.order()
    for _ in range(times + 1):
        harness.run_cycle()
        harness.make_due(row)
    harness.reload(row, State.SUBMITTED)


def titles() -> list[str]:
    return [str(notice(fact.cause).title) for fact in find_incidents() if fact.check == "statuses"]


def test_an_unknown_word_is_reported_once(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    harness.gateway.scenario(outcome="Upscaling", seconds=0, times=None)
    with caplog.at_level(logging.WARNING, "django_vton"):
        run_and_poll(harness)
        run_and_poll(harness)
    assert caplog.text.count("has a status that is not known: 'upscaling'") == 1
    assert list(UnknownStatus.objects.values_list("engine", "word")) == [("glass-v1", "upscaling")]
    assert titles() == ["glass-v1 has an unknown status"]


def test_documented_words_are_not_reported(harness: Harness) -> None:
    harness.gateway.scenario(seconds=60)
    run_and_poll(harness)
    assert not UnknownStatus.objects.exists()
    assert titles() == []


def test_a_word_that_ends_no_render_is_reported(harness: Harness) -> None:
    harness.gateway.scenario(outcome="succeeded", seconds=0)
    run_and_poll(harness)
    assert UnknownStatus.objects.get().word == "succeeded"


def test_a_word_that_grows_in_lower_case_fits_into_its_column(harness: Harness) -> None:
    harness.gateway.scenario(outcome="ß" * 50, seconds=0)
    run_and_poll(harness)
    assert len(UnknownStatus.objects.get().word) == 50


def test_the_report_ends_after_a_week_and_is_not_repeated(harness: Harness) -> None:
    harness.gateway.scenario(outcome="Upscaling", seconds=0, times=None)
    run_and_poll(harness)
    assert UnknownStatus.objects.update(since=timezone.now() - timedelta(days=8)) == 1
    run_and_poll(harness)
    assert titles() == []


def test_random_words_fill_no_table(harness: Harness) -> None:
    UnknownStatus.objects.bulk_create(
        UnknownStatus(engine="glass-v1", word=f"word {number}") for number in range(MAX_WORDS)
    )
    harness.gateway.scenario(outcome="Upscaling", seconds=0)
    run_and_poll(harness)
    assert UnknownStatus.objects.count() == MAX_WORDS


def test_the_doctor_names_the_word(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    harness.gateway.scenario(outcome="Upscaling", seconds=0)
    run_and_poll(harness)
    call_command("vton_doctor")  # Everything still works, so it exits with 0.
    printed = capsys.readouterr().out
    assert "glass-v1 has an unknown status" in printed
    assert "“upscaling”" in printed
