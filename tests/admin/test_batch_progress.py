"""The progress page and the list of batches in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_vton import batches
from django_vton.models import BatchRender, TryOnRequest
from django_vton.models.states import State

from .batches import (
    ADD,
    CHANGE,
    LIST,
    PRODUCTS,
    PROGRESS,
    REVIEW,
    action_url_name,
    get_batch_status,
    outdated,
)
from .conftest import get_page, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from ..batches.runner import BatchRunner

LONG_AGO = timedelta(hours=2)


def test_the_page_shows_the_progress_and_its_script_polls_it(merchant: Client, runner: BatchRunner) -> None:
    batch = runner.start(2)
    html = get_page(merchant, CHANGE, batch.pk)
    assert f'data-vton-progress="{reverse(PROGRESS, args=[batch.pk])}"' in html
    assert "Reload the page" in html
    assert re.search(r'<progress max="2" value="0"', html)
    response = merchant.get(reverse(PROGRESS, args=[batch.pk]))
    assert "no-store" in response["Cache-Control"]
    assert response.json()["is_live"] is True
    runner.run(batch)
    response = merchant.get(reverse(PROGRESS, args=[batch.pk])).json()
    assert response["is_live"] is False
    assert "Finished" in response["parts"]["status"]
    assert "0.60 USD" in response["parts"]["counts"]
    assert response["parts"]["counts"].count("size=thumbnail") == 2
    assert reverse(REVIEW, args=[batch.pk]) in response["parts"]["controls"]
    assert "data-vton-progress" not in get_page(merchant, CHANGE, batch.pk)


def test_pause_resume_and_cancel(merchant: Client, runner: BatchRunner) -> None:
    batch = runner.start(2)
    runner.feed()
    batch = runner.start(20)
    post_messages(merchant, action_url_name("pause"), {}, batch.pk)
    assert get_batch_status(batch) == "paused"
    assert "Resume</button>" in get_page(merchant, CHANGE, batch.pk)
    assert post_messages(merchant, action_url_name("resume"), {}, batch.pk) == ["Resumed."]
    assert get_batch_status(batch) == "running"
    assert "Yes, cancel the remaining renders" in get_page(merchant, action_url_name("cancel"), batch.pk)
    assert get_batch_status(batch) == "running"
    post_messages(merchant, action_url_name("cancel"), {}, batch.pk)
    assert post_messages(merchant, action_url_name("cancel"), {}, batch.pk) == [outdated("canceled")]
    assert "20 dropped" in visible_text(get_page(merchant, CHANGE, batch.pk))


def test_failed_renders_are_retried_for_a_confirmed_price(merchant: Client, runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=2)
    runner.harness.gateway.scenario(submit="close", times=1)
    batch = runner.start(3)
    runner.run(batch)
    lost = TryOnRequest.objects.get(state=State.UNKNOWN)
    runner.harness.set_posted(lost, LONG_AGO)
    runner.harness.make_due(lost)
    runner.harness.run_cycle()
    assert "Retry the failed renders" in get_page(merchant, CHANGE, batch.pk)

    html = get_page(merchant, action_url_name("retry"), batch.pk)
    text = visible_text(html)
    assert "2 renders will be retried for at most 0.60 USD." in text
    assert (
        "Also the 1 render with an unknown outcome, for 0.30 USD more. If the vendor has charged it already"
        in text
    )
    assert "checked" not in html
    assert "style=" not in html.partition('<div id="content"')[2]

    for wrong in ("", "599999", "x"):
        post_messages(merchant, action_url_name("retry"), {"max_price": wrong}, batch.pk)
        assert batch.renders.filter(status="waiting").count() == 0
    seen = dict(re.findall(r'name="(max_price\w*)" value="(\d+)"', html))
    assert post_messages(merchant, action_url_name("retry"), seen, batch.pk) == ["2 renders are retried."]
    assert batch.renders.filter(status="waiting").count() == 2
    assert post_messages(merchant, action_url_name("retry"), seen, batch.pk) == [outdated("running")]

    seen = dict(
        re.findall(
            r'name="(max_price\w*)" value="(\d+)"', get_page(merchant, action_url_name("retry"), batch.pk)
        )
    )
    post_messages(merchant, action_url_name("retry"), {**seen, "include_unknown": "on"}, batch.pk)
    assert batch.renders.filter(status="waiting").count() == 3


def test_the_list_needs_a_fixed_number_of_queries(merchant: Client, runner: BatchRunner) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            get_page(merchant, LIST)
        return len(captured)

    done = runner.start(2, name="Done")
    runner.run(done)
    few = queries()
    for _ in range(4):
        runner.start(1)
    batches.draft(["shop.product:1"], name="Later")
    assert queries() == few
    text = visible_text(get_page(merchant, LIST))
    assert "Done finished 2 of 2 0.60 USD" in text
    assert "Later draft - 0.00 USD" in text
    assert "running 0 of 1" in text
    assert "Render on models…" in text


def test_the_progress_page_needs_a_fixed_number_of_queries(merchant: Client, runner: BatchRunner) -> None:
    counts = []
    for number in (2, 5):
        batch = runner.start(number)
        runner.run(batch)
        with CaptureQueriesContext(connection) as captured:
            get_page(merchant, CHANGE, batch.pk)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_batch_pages_work_under_a_strict_content_security_policy(
    merchant: Client, runner: BatchRunner
) -> None:
    batch = runner.start(1)
    draft = batches.draft(runner.create_products(1), [runner.noa])
    pages = [
        get_page(merchant, ADD),
        get_page(merchant, PRODUCTS, draft.pk),
        get_page(merchant, CHANGE, draft.pk),
    ]
    pages += [get_page(merchant, name, batch.pk) for name in (CHANGE, REVIEW, action_url_name("cancel"))]
    for html in pages:
        main = html.partition('<div id="content"')[2]
        assert "style=" not in main
        assert not re.search(r"\son\w+=", main)
        assert not re.search(r"<script(?![^>]*(src=|application/json))", main)
        assert '<script type="module" src="/static/vton/batches.js"></script>' in html
    assert BatchRender.objects.count() == 0, "a GET request writes nothing"
