"""Models of the gateway that speak otherwise are declared by attributes, and read generously."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vton.pixazo import (
    UNVERIFIED_ENGINES,
    BadPayload,
    Engine,
    Option,
    OptionError,
    SubmitOutcome,
    VendorResponse,
    VendorStatus,
)
from django_vton.pixazo.responses import classify_response

PERSON, PRODUCT = "https://shop.example/p", "https://shop.example/g"
CALLBACK = "https://shop.example/c"
IDM, KLING = UNVERIFIED_ENGINES["idm-vton"], UNVERIFIED_ENGINES["kling"]


class Silk(Engine):
    name, kind, label = "silk-v3", "garment", "Silk v3"
    price, typical_seconds = Decimal("0.04"), 15
    prices_by_option = {"quality": {"pro": Decimal("0.12")}}
    submit_path, status_path, status_field = "/silk/v3/jobs", "/silk/v3/job", "job.id"
    person_field = product_field = "input.images[]"
    callback_header, callback_field = None, "notify.url"
    id_fields, status_fields, image_fields = ("job.id",), ("job.state",), ("job.pictures[].large",)
    statuses = {"done": VendorStatus.COMPLETED, "broken": VendorStatus.FAILED}
    options = (
        Option(name="prompt", kind="text", label="Prompt", field="input.prompt", maximum=40),
        Option(name="quality", kind="choice", label="Quality", choices=("std", "pro")),
        Option(name="parts", kind="list", label="Parts", field="input.parts", choices=("top", "shoes")),
        Option(name="guidance", kind="number", label="Guidance", minimum=0, maximum=10),
    )


SILK = Silk()


def test_the_body_of_a_submit_has_nested_pictures_options_and_the_callback() -> None:
    options = SILK.clean_options({"parts": ["top"], "guidance": 2.5, "prompt": "a silk shirt"})
    assert SILK.submit_body(PERSON, PRODUCT, options, CALLBACK) == {
        "input": {"images": [PERSON, PRODUCT], "prompt": "a silk shirt", "parts": ["top"]},
        "guidance": 2.5,
        "notify": {"url": CALLBACK},
    }
    assert SILK.supports_callbacks
    assert SILK.callback_headers(CALLBACK) == {}


def test_the_status_is_requested_with_the_id_in_the_body() -> None:
    request = SILK.status_request("j-1")
    assert (request.method, request.path, request.json) == ("POST", "/silk/v3/job", {"job": {"id": "j-1"}})


def test_answers_are_read_where_they_are_declared() -> None:
    running = SILK.parse({"job": {"id": 5, "state": "Waiting"}})
    assert (running.vendor_id, running.status, running.raw_status) == ("5", VendorStatus.RUNNING, "Waiting")
    pictures = [{"large": "https://h/1", "small": "https://h/s"}, {"large": "https://h/2"}]
    done = SILK.parse({"job": {"id": 5, "state": "DONE", "pictures": pictures}})
    assert (done.status, done.images) == (VendorStatus.COMPLETED, ("https://h/1", "https://h/2"))
    failed = SILK.parse({"job": {"id": 5, "state": "broken"}, "error": "PoseError"})
    assert (failed.status, failed.error_code) == (VendorStatus.FAILED, "no_person")
    assert SILK.parse_callback_id(b'{"job": {"id": "j-1"}, "request_id": "no"}') == "j-1"


@pytest.mark.parametrize(
    ("options", "price"), [({}, "0.04"), ({"quality": "std"}, "0.04"), ({"quality": "pro"}, "0.12")]
)
def test_the_price_depends_on_options(options: dict[str, Any], price: str) -> None:
    assert SILK.image_price(options) == Decimal(price)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", "x" * 41),
        ("prompt", "two\nlines"),
        ("prompt", 3),
        ("parts", "top"),
        ("parts", ["top", "hat"]),
        ("guidance", 10.5),
        ("guidance", float("nan")),
        ("guidance", True),
    ],
)
def test_values_that_the_vendor_does_not_allow_are_refused(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        SILK.clean_options({name: value})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("parts", "top, shoes", ["top", "shoes"]), ("guidance", "-0.5", None), ("guidance", "2.5", 2.5)],
)
def test_values_are_read_from_text(name: str, text: str, value: object) -> None:
    option = next(option for option in SILK.options if option.name == name)
    if value is None:
        with pytest.raises(OptionError, match="from 0 to 10"):
            option.from_text(text)
    else:
        assert option.from_text(text) == value


@pytest.mark.parametrize(
    "attributes",
    [
        {"id_fields": ("job..id",)},
        {"product_field": "input"},
        {"callback_field": "a b"},
        {"submit_seconds": 60.0},
        {"status_field": None},
        {"kind": ""},
        {"kind": "x" * 21},
    ],
)
def test_an_impossible_declaration_fails_at_once(attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"silk-v3: "):
        type("Wrong", (Silk,), attributes)()


# Generous reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        {"requestId": "found"},
        {"task_id": "found"},
        {"data": {"job_id": "found"}},
        {"result": {"id": "found"}, "user": {"id": "no"}},
        {"data": {"id": "no"}, "id": "found"},
        {"code": 0, "job": {"job_set_id": "found"}},
    ],
)
def test_an_accepted_submit_is_known_by_an_id_elsewhere(
    payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        submission = classify_response(IDM, 200, json.dumps(payload).encode(), None)
    assert submission.outcome is SubmitOutcome.ACCEPTED
    assert submission.answer is not None
    assert submission.answer.vendor_id == "found"
    assert "not where its engine declares it" in caplog.text


@pytest.mark.parametrize(
    "payload",
    [
        {"user": {"id": "u"}},
        {"a": {"b": {"task_id": "too deep"}}},
        {"task_id": ""},
        {"task_id": None},
        {"request_id": None, "task_id": "t"},
    ],
)
def test_other_answers_have_no_id(payload: dict[str, Any]) -> None:
    submission = classify_response(IDM, 200, json.dumps(payload).encode(), None)
    assert submission.outcome is SubmitOutcome.UNKNOWN


def test_a_poll_whose_answer_lacks_the_id_is_about_the_polled_render() -> None:
    assert SILK.parse({"job": {"state": "done"}}, "j-1").vendor_id == "j-1"
    assert SILK.parse({"job": {"id": "j-2", "state": "done"}}, "j-1").vendor_id == "j-2"
    for payload in ({}, {"message": "ok"}):
        with pytest.raises(BadPayload):
            SILK.parse(payload, "j-1")


def test_a_synchronous_answer_is_final_even_without_an_id() -> None:
    payload = {"result_url": "https://h/1", "status": "completed", "processing_time": 9}
    answer = IDM.parse(payload)
    assert (answer.status, answer.images) == (VendorStatus.COMPLETED, ("https://h/1",))
    assert answer.vendor_id.startswith("result-")
    assert IDM.parse(payload).vendor_id == answer.vendor_id
    assert IDM.parse({**payload, "result_url": "https://h/2"}).vendor_id != answer.vendor_id
    with pytest.raises(BadPayload):
        IDM.parse({**payload, "status": "processing"})


@pytest.mark.parametrize(("code", "status"), [(1, 400), ("x", 400), ([], 400), (1102, 402)])
def test_a_code_inside_a_200_is_a_refusal(code: object, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(KLING), "code_statuses", {1102: 402})
    body = json.dumps({"code": code, "message": "Account balance not enough"}).encode()
    submission = classify_response(KLING, 200, body, None)
    assert submission.outcome is SubmitOutcome.REFUSED
    assert submission.status_code == status
    assert submission.error == "HTTP 200: Account balance not enough"


def test_an_id_counts_more_than_a_code() -> None:
    body = json.dumps({"code": 7, "data": {"task_id": "t"}}).encode()
    assert classify_response(KLING, 200, body, None).outcome is SubmitOutcome.ACCEPTED


def test_kling_and_its_pictures() -> None:
    images = [{"index": 0, "url": "https://h/1"}]
    data = {"task_id": "t", "task_status": "succeed", "task_result": {"images": images}}
    answer = KLING.parse({"code": 0, "data": data}, "t")
    assert (answer.status, answer.images) == (VendorStatus.COMPLETED, ("https://h/1",))
    assert KLING.parse_callback_id(json.dumps(data).encode()) == "t"


fields = st.sampled_from(
    [
        *("job", "id", "state", "pictures", "large", "error", "code", "message", "completed_at", "data"),
        *("task_id", "task_status", "task_result", "images", "url", "result_url", "status", "job_set_id"),
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | fields, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(fields | st.text(), json_values | st.just("completed"), max_size=8))
def test_no_answer_breaks_a_declaration(payload: dict[str, Any]) -> None:
    for engine in (SILK, IDM, KLING):
        classify_response(engine, 200, json.dumps(payload).encode(), None)
        try:
            answer = engine.parse(payload)
        except BadPayload:
            continue
        assert isinstance(answer, VendorResponse)
        assert bool(answer.images) == (answer.status is VendorStatus.COMPLETED)
