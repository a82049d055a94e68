import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vton.pixazo import (
    ENGINES,
    Answer,
    BadPayload,
    Engine,
    Status,
    error_code,
    parse_callback,
    parse_timestamp,
    redact,
)

from . import payloads

FASHN, GLASS = ENGINES["fashn-v1.6"], ENGINES["glass-v1"]
R2 = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/v1"


@pytest.mark.parametrize(
    ("engine", "text", "expected"),
    [
        (FASHN, payloads.FASHN_QUEUED, (Status.RUNNING, "QUEUED", (), "", None, None)),
        (
            FASHN,
            payloads.FASHN_CALLBACK,
            (
                Status.COMPLETED,
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
                Status.COMPLETED,
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
            (Status.ERROR, "ERROR", (), "Description of the error", "vendor", None),
        ),
        (
            FASHN,
            payloads.FASHN_ERROR,
            (Status.ERROR, "ERROR", (), "Description of the error", "vendor", None),
        ),
        (GLASS, payloads.GLASS_SUBMITTED, (Status.RUNNING, "submitted", (), "", None, None)),
        (GLASS, payloads.GLASS_SUBMITTED_MESSAGE, (Status.RUNNING, "submitted", (), "", None, None)),
        (
            GLASS,
            payloads.GLASS_COMPLETED,
            (Status.COMPLETED, "completed", ("https://result-url.example.com/image.jpg",), "", None, None),
        ),
        (
            GLASS,
            payloads.GLASS_COMPLETED_ACCESSORIES,
            (Status.COMPLETED, "completed", ("https://example.com/generated-image.jpg",), "", None, None),
        ),
    ],
)
def test_every_example_of_the_documents_is_read(
    engine: Engine, text: str, expected: tuple[object, ...]
) -> None:
    payload = json.loads(text)
    answer = engine.read(payload)
    assert answer.vendor_id == payload["request_id"]
    assert (
        answer.status,
        answer.word,
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
        ("QUEUED", Status.RUNNING),
        ("PROCESSING", Status.RUNNING),
        ("submitted", Status.RUNNING),
        ("COMPLETED", Status.COMPLETED),
        ("completed", Status.COMPLETED),
        (" Completed ", Status.COMPLETED),
        ("FAILED", Status.FAILED),
        ("failed", Status.FAILED),
        ("ERROR", Status.ERROR),
        ("error", Status.ERROR),
        ("CANCELLED", Status.RUNNING),
        ("succeeded", Status.RUNNING),
        ("", Status.RUNNING),
    ],
)
def test_a_status_is_read_in_any_case_and_an_unknown_one_goes_on(word: str, status: Status) -> None:
    answer = FASHN.read({"request_id": "a", "status": word, "output": {"media_url": ["https://h/x"]}})
    assert (answer.status, answer.word) == (status, word)
    assert answer.final == (status is not Status.RUNNING)
    assert bool(answer.images) == (status is Status.COMPLETED)


@pytest.mark.parametrize("status", [None, 7, ["COMPLETED"], {"a": 1}, True])
def test_a_status_that_is_no_word_goes_on(status: object) -> None:
    assert FASHN.read({"request_id": "a", "status": status}).status is Status.RUNNING


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
def test_completed_without_a_picture_is_not_completed(output: object) -> None:
    answer = FASHN.read({"request_id": "a", "status": "COMPLETED", "output": output})
    assert (answer.status, answer.word, answer.images) == (Status.RUNNING, "COMPLETED", ())


def test_one_link_alone_is_read_as_a_list_of_one() -> None:
    answer = FASHN.read({"request_id": "a", "status": "COMPLETED", "output": {"media_url": "https://h/x"}})
    assert answer.images == ("https://h/x",)


def test_several_pictures_of_glass_are_read() -> None:
    links = ["https://h/1", "https://h/2"]
    assert GLASS.read({"request_id": "a", "status": "completed", "image_url": links}).images == tuple(links)


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
        {"request_id": "a b"},
        {"request_id": ".."},
        {"request_id": "a\n"},
        {"request_id": "ä"},
        {"request_id": "x" * 201},
        {"request_id": True},
        {"request_id": ["a"]},
    ],
)
def test_an_answer_without_a_usable_id_is_refused(payload: Any) -> None:
    with pytest.raises(BadPayload):
        FASHN.read(payload)


def test_a_number_is_an_id() -> None:
    assert FASHN.read({"request_id": 42, "status": "QUEUED"}).vendor_id == "42"


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
def test_error_texts_have_codes(text: str, code: str) -> None:
    assert error_code(text) == code
    assert FASHN.read({"request_id": "a", "status": "FAILED", "error": text}).error_code == code


def test_an_error_object_is_read_as_text() -> None:
    answer = FASHN.read(
        {
            "request_id": "a",
            "status": "FAILED",
            "error": {"name": "PoseError", "message": "no body found"},
        }
    )
    assert (answer.error, answer.error_code) == ("PoseError: no body found", "no_person")


def test_a_message_goes_with_an_error_and_is_none_by_itself() -> None:
    base = {"request_id": "a", "status": "FAILED", "message": "Your wallet is empty."}
    assert FASHN.read({**base, "error": "Balance"}).error == "Balance: Your wallet is empty."
    assert FASHN.read(base).error == ""


def test_an_error_code_needs_a_failure() -> None:
    answer = FASHN.read({"request_id": "a", "status": "PROCESSING", "error": "PoseError"})
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
def test_both_timestamp_shapes(text: object, moment: datetime | None) -> None:
    parsed = parse_timestamp(text)
    assert parsed == moment
    assert parsed is None or parsed.tzinfo is UTC


@pytest.mark.parametrize(
    ("body", "hint"),
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
def test_a_callback_is_a_hint_whatever_its_shape(body: bytes, hint: str | None) -> None:
    assert parse_callback(body) == hint


@pytest.mark.parametrize(
    "secret",
    [
        "https://shop.example/files/CANARY/",
        "HTTPS://SHOP.EXAMPLE/CANARY",
        "(https://shop.example/files/CANARY)",
        "see:https://shop.example/?token=CANARY,x",
        "https%3A%2F%2Fshop.example%2FCANARY",
        r"https:\/\/shop.example\/CANARY",
        "shop.example/CANARY",
        "//shop.example/CANARY",
        "/try-on/files/CANARY/",
        "data:image/png;base64,CANARY",
        "CANARY" * 50,
        "ftp://CANARY",
    ],
)
def test_no_link_is_kept_wherever_it_stands(secret: str) -> None:
    payload = {
        "request_id": "a",
        "status": "FAILED",
        "error": f"Could not load {secret} today",
        "polling_url": secret,
        "output": {"media_url": [secret], "deep": [[{"x": secret}]]},
        secret: 1,
    }
    answer = FASHN.read(payload)
    assert "CANARY" not in json.dumps(redact(payload)) + answer.error + repr(answer) + json.dumps(answer.raw)
    assert answer.error.startswith("Could not load ")
    assert answer.error.endswith(" today")


def test_words_that_are_no_links_are_kept() -> None:
    text = "PoseError: image/jpeg and/or v1.6, 10:30, and so on..."
    assert redact({"error": text, "file_size": 174795, "success": True, "x": None}) == {
        "error": text,
        "file_size": 174795,
        "success": True,
        "x": None,
    }


def test_what_is_kept_is_bounded_and_fits_a_json_column() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"d": deep}
    payload = {
        "request_id": "a",
        "status": "FAILED",
        "error": "word " * 10_000,
        "nul": "a\0b",
        "surrogate": "\ud800",
        "nan": float("nan"),
        "huge": float("inf"),
        "many": [["word " * 100] * 1000] * 1000,
        "deep": deep,
    } | {f"key{n}": "word " * 1000 for n in range(1000)}
    answer = FASHN.read(payload)
    assert len(answer.error) <= 500
    kept = json.dumps(answer.raw, allow_nan=False)
    assert len(kept) < 20_000
    assert "\\u0000" not in kept
    assert answer.raw["request_id"] == "a"
    json.dumps(answer.raw, ensure_ascii=False).encode()


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
            answer = engine.read(payload)
        except BadPayload:
            continue
        assert isinstance(answer, Answer)
        assert (answer.error_code is not None) == (answer.status in {Status.FAILED, Status.ERROR})
        assert bool(answer.images) == (answer.status is Status.COMPLETED)
        json.dumps(answer.raw, allow_nan=False).encode()
