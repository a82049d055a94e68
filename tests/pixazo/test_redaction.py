import json
from typing import Any

import pytest

from django_vton.pixazo import ENGINES
from django_vton.pixazo.parsing import redact

FASHN = ENGINES["fashn-v1.6"]


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
def test_urls_are_redacted_wherever_they_occur(secret: str) -> None:
    payload = {
        "request_id": "a",
        "status": "FAILED",
        "error": f"Could not load {secret} today",
        "polling_url": secret,
        "output": {"media_url": [secret], "deep": [[{"x": secret}]]},
        secret: 1,
    }
    answer = FASHN.parse(payload)
    assert "CANARY" not in json.dumps(redact(payload)) + answer.error + repr(answer) + json.dumps(answer.raw)
    assert answer.error.startswith("Could not load ")
    assert answer.error.endswith(" today")


def test_words_that_are_not_urls_are_kept() -> None:
    text = "PoseError: image/jpeg and/or v1.6, 10:30, and so on..."
    assert redact({"error": text, "file_size": 174795, "success": True, "x": None}) == {
        "error": text,
        "file_size": 174795,
        "success": True,
        "x": None,
    }


def test_a_redacted_payload_is_limited_and_fits_a_json_column() -> None:
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
    answer = FASHN.parse(payload)
    assert len(answer.error) <= 500
    kept = json.dumps(answer.raw, allow_nan=False)
    assert len(kept) < 20_000
    assert "\\u0000" not in kept
    assert answer.raw["request_id"] == "a"
    json.dumps(answer.raw, ensure_ascii=False).encode()
