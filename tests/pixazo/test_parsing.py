import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vton.pixazo import ENGINES, BadPayload, Engine, VendorResponse, VendorStatus
from django_vton.pixazo.parsing import error_code, parse_timestamp

from . import payloads

FASHN, GLASS = ENGINES["fashn-v1.6"], ENGINES["glass-v1"]
R2 = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/v1"


@pytest.mark.parametrize(
    ("engine", "text", "expected"),
    [
        (FASHN, payloads.FASHN_QUEUED, (VendorStatus.RUNNING, "QUEUED", (), "", None, None)),
        (
            FASHN,
            payloads.FASHN_CALLBACK,
            (
                VendorStatus.COMPLETED,
                "COMPLETED",
                (f"{R2}/{payloads.FASHN_ID}/output.png",),
                "",
                None,
                datetime(2026, 5, 22, 13, 19, 23, tzinfo=UTC),
            ),
        ),
        (
            FASHN,
            payloads.FASHN_COMPLETED,
            (
                VendorStatus.COMPLETED,
                "COMPLETED",
                (f"{R2}/fashn-virtual-try-on_019dxxxx-xxxx/output.ext",),
                "",
                None,
                datetime(2026, 3, 31, 10, 0, 15, tzinfo=UTC),
            ),
        ),
        (
            FASHN,
            payloads.FASHN_FAILURE_CALLBACK,
            (VendorStatus.ERROR, "ERROR", (), "Description of the error", "vendor", None),
        ),
        (
            FASHN,
            payloads.FASHN_ERROR,
            (VendorStatus.ERROR, "ERROR", (), "Description of the error", "vendor", None),
        ),
        (GLASS, payloads.GLASS_SUBMITTED, (VendorStatus.RUNNING, "submitted", (), "", None, None)),
        (GLASS, payloads.GLASS_SUBMITTED_MESSAGE, (VendorStatus.RUNNING, "submitted", (), "", None, None)),
        (
            GLASS,
            payloads.GLASS_COMPLETED,
            (
                VendorStatus.COMPLETED,
                "completed",
                ("https://result-url.example.com/image.jpg",),
                "",
                None,
                None,
            ),
        ),
        (
            GLASS,
            payloads.GLASS_COMPLETED_ACCESSORIES,
            (
                VendorStatus.COMPLETED,
                "completed",
                ("https://example.com/generated-image.jpg",),
                "",
                None,
                None,
            ),
        ),
    ],
)
def test_every_example_in_the_vendors_documentation_is_parsed(
    engine: Engine, text: str, expected: tuple[object, ...]
) -> None:
    payload = json.loads(text)
    answer = engine.parse(payload)
    assert answer.vendor_id == payload["request_id"]
    assert (
        answer.status,
        answer.raw_status,
        answer.images,
        answer.error,
        answer.error_code,
        answer.finished_at,
    ) == expected
    assert answer.raw["request_id"] == payload["request_id"]
    assert "http" not in json.dumps(answer.raw)
    assert "http" not in repr(answer)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("QUEUED", VendorStatus.RUNNING),
        ("PROCESSING", VendorStatus.RUNNING),
        ("submitted", VendorStatus.RUNNING),
        ("COMPLETED", VendorStatus.COMPLETED),
        ("completed", VendorStatus.COMPLETED),
        (" Completed ", VendorStatus.COMPLETED),
        ("FAILED", VendorStatus.FAILED),
        ("failed", VendorStatus.FAILED),
        ("ERROR", VendorStatus.ERROR),
        ("error", VendorStatus.ERROR),
        ("CANCELLED", VendorStatus.RUNNING),
        ("succeeded", VendorStatus.RUNNING),
        ("", VendorStatus.RUNNING),
    ],
)
def test_status_ignores_case_and_an_unknown_status_counts_as_running(word: str, status: VendorStatus) -> None:
    answer = FASHN.parse({"request_id": "a", "status": word, "output": {"media_url": ["https://h/x"]}})
    assert (answer.status, answer.raw_status) == (status, word)
    assert answer.is_final == (status is not VendorStatus.RUNNING)
    assert bool(answer.images) == (status is VendorStatus.COMPLETED)


@pytest.mark.parametrize("status", [None, 7, ["COMPLETED"], {"a": 1}, True])
def test_a_status_that_is_not_text_counts_as_running(status: object) -> None:
    assert FASHN.parse({"request_id": "a", "status": status}).status is VendorStatus.RUNNING


@pytest.mark.parametrize(
    "output",
    [
        None,
        {},
        {"media_url": None},
        {"media_url": []},
        {"media_url": [None, 7, ""]},
        {"media_url": ["ftp://h/x", "/relative.png", "data:image/png;base64,AAAA"]},
        {"media_url": {"url": "https://h/x"}},
        "https://h/x",
    ],
)
def test_completed_without_an_image_is_not_completed(output: object) -> None:
    answer = FASHN.parse({"request_id": "a", "status": "COMPLETED", "output": output})
    assert (answer.status, answer.raw_status, answer.images) == (VendorStatus.RUNNING, "COMPLETED", ())


def test_a_single_url_is_parsed_as_a_list_of_one() -> None:
    answer = FASHN.parse({"request_id": "a", "status": "COMPLETED", "output": {"media_url": "https://h/x"}})
    assert answer.images == ("https://h/x",)


def test_several_images_of_glass_are_parsed() -> None:
    urls = ["https://h/1", "https://h/2"]
    assert GLASS.parse({"request_id": "a", "status": "completed", "image_url": urls}).images == tuple(urls)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "abc",
        {},
        {"request_id": None},
        {"request_id": ""},
        {"request_id": "  "},
        {"request_id": ".."},
        {"request_id": "a\n"},
        {"request_id": "\ud800"},
        {"request_id": "ä" * 1001},
        {"request_id": True},
        {"request_id": ["a"]},
    ],
)
def test_a_response_without_a_usable_id_is_refused(payload: Any) -> None:
    with pytest.raises(BadPayload):
        FASHN.parse(payload)


@pytest.mark.parametrize("request_id", [42, " a b ", "ä" * 1000, "..a", "/../?#%2F"])
def test_an_id_may_be_a_number_or_any_text(request_id: str | int) -> None:
    assert FASHN.parse({"request_id": request_id, "status": "QUEUED"}).vendor_id == str(request_id)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ImageLoadError", "photo_unusable"),
        ("imageloaderror: could not load model_image", "photo_unusable"),
        ("ImageLoadError: failed to load garment_image", "product_image"),
        ("Image Load Error: the garment image could not be fetched", "product_image"),
        ("ImageLoadError: model_image or garment_image", "photo_unusable"),
        ("ImageLoadError: glass_image_path", "product_image"),
        ("ContentModerationError", "moderated"),
        ("CONTENTMODERATIONERROR: Prohibited content detected in garment image", "moderated"),
        ("NSFW content", "moderated"),
        ("PoseError: Unable to detect body pose in model image", "no_person"),
        ("poseerror", "no_person"),
        ("PoseError: no pose found in garment image", "product_image"),
        ("InputValidationError: model_image is too small", "photo_unusable"),
        ("InputValidationError: garment_image is too small", "product_image"),
        ("InputValidationError: num_samples", "vendor"),
        ("PipelineError", "vendor"),
        ("ThirdPartyError", "vendor"),
        ("a general purpose error", "vendor"),
        ("Description of the error", "vendor"),
        ("", "vendor"),
    ],
)
def test_error_texts_are_mapped_to_codes(text: str, code: str) -> None:
    assert error_code(text) == code
    assert FASHN.parse({"request_id": "a", "status": "FAILED", "error": text}).error_code == code


def test_an_error_object_is_parsed_as_text() -> None:
    answer = FASHN.parse(
        {
            "request_id": "a",
            "status": "FAILED",
            "error": {"name": "PoseError", "message": "no body found"},
        }
    )
    assert (answer.error, answer.error_code) == ("PoseError: no body found", "no_person")


def test_a_message_counts_only_beside_an_error() -> None:
    base = {"request_id": "a", "status": "FAILED", "message": "Your wallet is empty."}
    assert FASHN.parse({**base, "error": "Balance"}).error == "Balance: Your wallet is empty."
    assert FASHN.parse(base).error == ""


def test_only_a_failed_render_has_an_error_code() -> None:
    answer = FASHN.parse({"request_id": "a", "status": "PROCESSING", "error": "PoseError"})
    assert (answer.error, answer.error_code) == ("PoseError", None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-22T13:17:32.110Z", datetime(2026, 5, 22, 13, 17, 32, 110_000, tzinfo=UTC)),
        ("2026-05-22 13:19:23", datetime(2026, 5, 22, 13, 19, 23, tzinfo=UTC)),
        ("2026-05-22T15:19:23+02:00", datetime(2026, 5, 22, 13, 19, 23, tzinfo=UTC)),
        ("...", None),
        ("", None),
        ("0001-01-01T00:00:00+23:59", None),
        (None, None),
        (1779456000, None),
        ({}, None),
    ],
)
def test_both_timestamp_formats_are_parsed(text: object, moment: datetime | None) -> None:
    parsed = parse_timestamp(text)
    assert parsed == moment
    assert parsed is None or parsed.tzinfo is UTC


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        (payloads.FASHN_CALLBACK.encode(), payloads.FASHN_ID),
        (payloads.FASHN_FAILURE_CALLBACK.encode(), payloads.FASHN_ID),
        (b'{"request_id": "x", "request_id": "y"}', "y"),
        (b"", None),
        (b"null", None),
        (b"[]", None),
        (b'["request_id"]', None),
        (b'{"request_id": {"a": 1}}', None),
        (b'{"request_id": "\\u0000"}', None),
        (b"\xff\xfe{", None),
        (b'{"request_id": ' + b"9" * 5000 + b"}", None),
        (b"[" * 200_000, None),
        (b'{"request_id": "a", "pad": "' + b"x" * 1_000_000 + b'"}', None),
    ],
)
def test_the_request_id_of_a_callback_is_parsed(body: bytes, request_id: str | None) -> None:
    assert FASHN.parse_callback_id(body) == request_id


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    ["request_id", "status", "error", "message", "output", "image_url", "completed_at", "media_url"]
)


@given(st.dictionaries(fields | st.text(), json_values | st.just("completed"), max_size=8))
def test_no_payload_breaks_an_engine(payload: dict[str, Any]) -> None:
    for engine in (FASHN, GLASS):
        try:
            answer = engine.parse(payload)
        except BadPayload:
            continue
        assert isinstance(answer, VendorResponse)
        assert (answer.error_code is not None) == (answer.status in {VendorStatus.FAILED, VendorStatus.ERROR})
        assert bool(answer.images) == (answer.status is VendorStatus.COMPLETED)
        json.dumps(answer.raw, allow_nan=False).encode()
