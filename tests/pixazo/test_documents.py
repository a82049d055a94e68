"""The contract with the vendor: each example of the two documents is sent or read exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import respx

from django_vton.pixazo import ENGINES, Engine, Fashn, Glass, SubmitOutcome, VendorStatus
from django_vton.pixazo.client import PixazoClient
from django_vton.pixazo.responses import classify_response

from . import documents, payloads
from .conftest import KEY

FASHN, GLASS = ENGINES["fashn-v1.6"], ENGINES["glass-v1"]
GATEWAY = "https://gateway.pixazo.ai"
EXAMPLES = documents.examples()
OBJECTS: list[dict[str, Any]] = EXAMPLES["objects"]

REQUESTS = [each for each in OBJECTS if "model_image" in each or "model_image_path" in each]
STATUS_REQUESTS = [each for each in OBJECTS if set(each) == {"request_id"}]
HEADERS = [each for each in OBJECTS if "Cache-Control" in each]
ERRORS = [each for each in OBJECTS if "error" in each and "request_id" not in each]
ANSWERS = [each for each in OBJECTS if "request_id" in each and each not in STATUS_REQUESTS]
REFUSALS = [status for status in EXAMPLES["statuses"] if status >= 400]


def engine_of(answer: dict[str, Any]) -> Engine:
    return FASHN if str(answer["request_id"]).startswith("fashn") else GLASS


@pytest.mark.skipif(not documents.DOCUMENTS, reason="the vendor's documents are not beside this checkout")
def test_the_fixture_contains_what_the_documents_contain() -> None:
    assert len(documents.DOCUMENTS) == 2
    assert documents.extracted() == EXAMPLES


def test_every_example_is_used_below() -> None:
    groups = (REQUESTS, STATUS_REQUESTS, HEADERS, ERRORS, ANSWERS)
    assert [len(group) for group in groups] == [3, 1, 1, 9, 9]
    assert sum(map(len, groups)) == len(OBJECTS)
    assert REFUSALS == [400, 401, 403, 404, 429, 500, 402]


def test_the_named_examples_of_the_tests_are_from_the_documents() -> None:
    named = [value for name, value in vars(payloads).items() if name.isupper() and isinstance(value, str)]
    texts = [value for value in named if value.startswith("{")] + list(payloads.GLASS_ERRORS.values())
    assert len(texts) > 10
    assert [text for text in texts if json.loads(text) not in OBJECTS] == []


@pytest.mark.parametrize("example", REQUESTS)
async def test_a_request_is_sent_as_in_the_document(
    example: dict[str, Any], connect: Callable[..., PixazoClient]
) -> None:
    is_fashn = "model_image" in example
    engine = Fashn() if is_fashn else Glass()
    # As in the examples. The package sends Base64 to Glass, which is documented as well.
    engine.images_as = "url"
    images = {example[engine.person_field], example[engine.product_field]}
    options = {name: value for name, value in example.items() if value not in images}
    body = engine.submit_body(
        example[engine.person_field], example[engine.product_field], engine.clean_options(options)
    )
    documented_defaults = {} if is_fashn else {"num_images": 1, "output_format": "jpeg"}
    assert body == documented_defaults | example
    webhook = dict(header for header in EXAMPLES["headers"] if header[0].startswith("X-Webhook"))
    with respx.mock() as vendor:
        route = vendor.post(url__startswith=GATEWAY).respond(202, json=OBJECTS[2])
        async with connect() as pixazo:
            await pixazo.submit(engine, body, callback_url=webhook["X-Webhook-URL"])
    request = route.calls.last.request
    assert f"{request.method} {request.url}" in EXAMPLES["endpoints"]
    assert json.loads(request.content) == body
    expected = HEADERS[0] | {"Ocp-Apim-Subscription-Key": KEY} | (webhook if is_fashn else {})
    assert {name: request.headers.get(name) for name in expected} == expected
    assert ("X-Webhook-URL" in request.headers) == is_fashn


@pytest.mark.parametrize("answer", [payloads.FASHN_COMPLETED, payloads.GLASS_COMPLETED])
async def test_the_status_is_requested_as_in_the_document(
    answer: str, connect: Callable[..., PixazoClient]
) -> None:
    payload = json.loads(answer)
    vendor_id, engine = payload["request_id"], engine_of(payload)
    with respx.mock() as vendor:
        route = vendor.route(url__startswith=GATEWAY).respond(200, text=answer)
        async with connect() as pixazo:
            await pixazo.poll(engine, vendor_id)
    request = route.calls.last.request
    url = str(request.url).replace(payloads.FASHN_ID, "{request_id}")
    assert f"{request.method} {url}" in EXAMPLES["endpoints"]
    if engine is GLASS:
        assert json.loads(request.content) == STATUS_REQUESTS[0]
    expected = HEADERS[0] | {"Ocp-Apim-Subscription-Key": KEY}
    if engine is FASHN:
        del expected["Content-Type"]  # A GET has no body.
    assert {name: request.headers.get(name) for name in expected} == expected


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_read_as_in_the_document(answer: dict[str, Any]) -> None:
    expected = {
        "QUEUED": VendorStatus.RUNNING,
        "submitted": VendorStatus.RUNNING,
        "COMPLETED": VendorStatus.COMPLETED,
        "completed": VendorStatus.COMPLETED,
        "ERROR": VendorStatus.ERROR,
    }[answer["status"]]
    submission = classify_response(engine_of(answer), 200, json.dumps(answer).encode(), None)
    assert submission.outcome is SubmitOutcome.ACCEPTED
    read = submission.answer
    assert read is not None
    assert (read.vendor_id, read.status) == (answer["request_id"], expected)
    output = answer.get("output") or {}
    images = output.get("media_url") or [answer["image_url"]] if expected is VendorStatus.COMPLETED else []
    assert list(read.images) == images
    assert read.error == (answer.get("error") or "")
    assert read.error_code == ("vendor" if expected is VendorStatus.ERROR else None)
    has_end = expected is not VendorStatus.RUNNING and answer.get("completed_at", "...") != "..."
    assert (read.finished_at is not None) == has_end
    if has_end:
        assert read.finished_at is not None
        text = answer["completed_at"].replace(" ", "T").removesuffix("Z").removesuffix(".000")
        assert read.finished_at.isoformat() == f"{text}+00:00"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("engine", [FASHN, GLASS])
def test_an_error_is_a_refusal_with_the_words_of_the_document(
    engine: Engine, status: int, error: dict[str, Any]
) -> None:
    submission = classify_response(engine, status, json.dumps(error).encode(), None)
    assert (submission.outcome, submission.status_code) == (SubmitOutcome.REFUSED, status)
    words = ": ".join(error.values())
    assert submission.error == f"HTTP {status}: {words}"
