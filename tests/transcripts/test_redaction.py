"""No secret is in a record, wherever it was; the shape of what was sent and answered is."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given, settings
from hypothesis import strategies as st

from django_vton.pixazo import ENGINES, DownloadFailed, ExchangeRecord, PollFailed, SubmitOutcome
from django_vton.pixazo.client import PixazoClient
from django_vton.pixazo.exchanges import CALLBACK_URL, MAX_SIZE, REMOVED_URL, record_callback

KEY = "key-0123456789abcdef0123456789abcdef"
FASHN, GLASS = ENGINES["fashn-v1.6"], ENGINES["glass-v1"]
TOKENS = tuple(secrets.token_urlsafe(32) for _ in range(3))
CALLBACK = f"https://shop.example/try-on/webhooks/pixazo/{TOKENS[0]}/"
PERSON, PRODUCT = (f"https://shop.example/try-on/files/{token}/" for token in TOKENS[1:])
RESULT_SECRET = "s1gnature0fTheResult"
RESULT = f"https://cdn.vendor.example/out/9f8e7d6c.png?X-Sig={RESULT_SECRET}"
PICTURE = bytes(range(256)) * 40
BASE64 = base64.b64encode(PICTURE).decode()

SECRETS = (KEY, *TOKENS, CALLBACK, PERSON, PRODUCT, RESULT_SECRET, "9f8e7d6c", "shop.example", BASE64[:60])


def pixazo() -> PixazoClient:
    return PixazoClient(base_url="https://gateway.test/base", api_key=KEY)


def submit(answer: httpx.Response | Exception, *, glass: bool = False) -> tuple[ExchangeRecord, Any]:
    """Submit, and return the record and the result."""
    records: list[ExchangeRecord] = []
    engine = GLASS if glass else FASHN
    body = engine.submit_body(*((BASE64, BASE64[::-1]) if glass else (PERSON, PRODUCT)), {})

    async def send() -> Any:
        async with pixazo() as client:
            callback_url = None if glass else CALLBACK
            return await client.submit(engine, body, callback_url=callback_url, on_exchange=records.append)

    with respx.mock:
        respx.post().mock(side_effect=[answer])
        result = asyncio.run(send())
    [record] = records
    return record, result


def text(record: ExchangeRecord) -> str:
    """All of it as it is stored and shown."""
    fields = {name: getattr(record, name) for name in record.__slots__}
    return json.dumps(fields, ensure_ascii=False) + repr(record)


def assert_no_secret(record: ExchangeRecord) -> None:
    shown = text(record)
    for secret in SECRETS:
        assert secret not in shown, secret


def secret_texts() -> st.SearchStrategy[str]:
    """A secret alone, in a sentence, quoted, escaped, or glued to other text."""
    frames = ("{}", "could not load {}.", "<a href='{}'>", '"{}"', "url={}", "({})", "{},x", "\n{}\t", "é{}é")
    longs = (
        BASE64,
        f"data:image/png;base64,{BASE64}",
        "\n".join(BASE64[i : i + 76] for i in range(0, 900, 76)),
    )
    return st.builds(
        lambda frame, secret: frame.format(secret),
        st.sampled_from(frames),
        st.sampled_from(
            (KEY, *TOKENS, CALLBACK, PERSON, PRODUCT, RESULT, RESULT.replace("/", "\\/"), *longs)
        ),
    )


after_filler = st.builds(
    lambda length, secret: f"{'x' * length} {secret}", st.integers(1900, 4000), secret_texts()
)
texts = st.one_of(secret_texts(), st.text(max_size=30), after_filler)
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None)
@given(value=values, header=secret_texts(), status=st.sampled_from([200, 202, 400, 401, 500]))
def test_no_secret_is_in_the_record_of_a_json_answer(value: Any, header: str, status: int) -> None:
    headers = {
        name: header.encode("ascii", "ignore").decode().replace("\n", " ").replace("\t", " ").strip()
        for name in ("Location", "Server", "X-Request-Id", "Set-Cookie", "X-Other")
    }
    record, _ = submit(
        httpx.Response(status, content=json.dumps({"request_id": "r-1", "v": value}), headers=headers)
    )
    assert_no_secret(record)
    assert record.status == status
    json.dumps(record.response_body, allow_nan=False)


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(texts, max_size=5))
def test_no_secret_is_in_the_record_of_another_answer(parts: list[str]) -> None:
    record, _ = submit(httpx.Response(502, content=" ".join(parts).encode()))
    assert_no_secret(record)


@settings(max_examples=60, deadline=None)
@given(value=values)
def test_no_secret_is_in_the_record_of_a_callback(value: Any) -> None:
    body = json.dumps({"request_id": "r-1", "v": value}).encode()
    record = record_callback(
        path="/webhooks/[removed]/", headers={"Cookie": TOKENS[1], "X-Webhook-Key": KEY, "User-Agent": "P/1"},
        body=body, secrets=(TOKENS[0], KEY), status=200, began=0,
    )  # fmt: skip
    assert_no_secret(record)
    assert record.request_headers["user-agent"] == "P/1"


@pytest.mark.parametrize("glass", [False, True])
def test_the_request_keeps_its_shape(glass: bool) -> None:
    record, result = submit(httpx.Response(202, json={"request_id": "r-1", "status": "QUEUED"}), glass=glass)
    assert_no_secret(record)
    assert result.outcome is SubmitOutcome.ACCEPTED
    assert (record.kind, record.method, record.path) == (
        "submit", "POST", f"/base{(GLASS if glass else FASHN).submit_path}",
    )  # fmt: skip
    body = record.request_body["json"]
    if glass:
        assert body["model_image_path"] == "[removed]"
    else:
        assert (body["model_image"], body["garment_image"]) == (f"{REMOVED_URL}1", f"{REMOVED_URL}2")
        assert record.request_headers["x-webhook-url"] == CALLBACK_URL
    assert record.response_body == {"json": {"request_id": "r-1", "status": "QUEUED"}}


def test_the_answer_keeps_its_shape() -> None:
    deep: Any = {"words": ["WARMING_UP", None, True, 3, 0.5], "urls": [RESULT, RESULT, PERSON]}
    for name in "abcdefgh":
        deep = {name: [deep]}
    record, _ = submit(httpx.Response(200, json=deep))
    found = record.response_body["json"]
    for name in "hgfedcba":
        [found] = found[name]
    assert found["words"] == ["WARMING_UP", None, True, 3, 0.5]
    assert found["urls"] == [f"{REMOVED_URL}1", f"{REMOVED_URL}1", f"{REMOVED_URL}2"]


@pytest.mark.parametrize(
    "answer",
    [
        {"list": list(range(100_000))},
        {"object": {str(number): number for number in range(50_000)}},
        {"long": ["word " * 500] * 90},
        {"wide": [[["x"] * 50] * 50] * 50},
        {"number": 10**300},
    ],
    ids=lambda it: next(iter(it)),
)
def test_the_size_is_limited(answer: Any) -> None:
    record, _ = submit(httpx.Response(200, json=answer))
    assert len(json.dumps(record.response_body)) < 3 * MAX_SIZE
    assert "[cut]" in json.dumps(record.response_body)


def test_a_binary_answer_is_not_kept() -> None:
    record, _ = submit(httpx.Response(200, content=PICTURE))
    assert record.response_body == {"bytes": len(PICTURE), "begins": "00010203"}
    record, _ = submit(httpx.Response(200, content=b"x" * 1_000_001))
    assert record.response_body == {"too_long": True}


def test_a_network_error_is_recorded() -> None:
    record, result = submit(httpx.ReadTimeout(f"{PERSON} took too long"))
    assert result.outcome is SubmitOutcome.UNKNOWN
    assert (record.status, record.response_body) == (None, {})
    assert record.error.startswith("ReadTimeout: ")
    assert_no_secret(record)


def test_the_vendors_id_is_kept_however_it_is() -> None:
    vendor_id = "Aa0/Bb1/" * 60 + "end"
    record, result = submit(httpx.Response(200, json={"request_id": vendor_id, "status": "QUEUED"}))
    assert result.answer.vendor_id == record.response_body["json"]["request_id"] == vendor_id
    with respx.mock:
        respx.get().respond(json={"request_id": vendor_id, "status": "QUEUED"})
        [record] = poll(vendor_id)
    assert record.response_body["json"]["request_id"] == vendor_id
    assert record.path.endswith("Aa0%2FBb1%2Fend")


def test_an_id_that_is_a_url_is_not_kept() -> None:
    record, _ = submit(httpx.Response(200, json={"request_id": RESULT, "status": "QUEUED"}))
    assert_no_secret(record)


def poll(vendor_id: str) -> list[ExchangeRecord]:
    records: list[ExchangeRecord] = []

    async def send() -> None:
        async with pixazo() as client:
            with pytest.raises(PollFailed) if vendor_id == "fails" else nullcontext():
                await client.poll(FASHN, vendor_id, on_exchange=records.append)

    asyncio.run(send())
    return records


@respx.mock
def test_a_poll_without_an_answer_is_recorded() -> None:
    respx.get().mock(side_effect=httpx.ConnectError("refused"))
    [record] = poll("fails")
    assert (record.kind, record.status, record.error) == ("poll", None, "ConnectError: refused")


@respx.mock
@pytest.mark.parametrize("status", [200, 403])
def test_a_download_is_recorded_without_its_url(status: int) -> None:
    records: list[ExchangeRecord] = []

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34"]

    async def send() -> None:
        client = PixazoClient(base_url="https://gateway.test", api_key=KEY, resolve=resolve)
        async with client:
            with pytest.raises(DownloadFailed) if status != 200 else nullcontext():
                await client.download(RESULT, on_exchange=records.append)

    respx.get().respond(status, content=b"\x89PNG\r\n\x1a\n\0" + PICTURE)
    asyncio.run(send())
    [record] = records
    assert_no_secret(record)
    assert (record.kind, record.status, record.path) == ("download", status, f"{REMOVED_URL}1")
    assert record.response_body == (
        {"bytes": 9 + len(PICTURE), "begins": "89504e47"} if status == 200 else {}
    )


@respx.mock
def test_an_error_of_the_observer_loses_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_record: ExchangeRecord) -> None:
        raise RuntimeError(PERSON)

    async def send() -> Any:
        async with pixazo() as client:
            return await client.submit(FASHN, {"model_image": PERSON}, on_exchange=fail)

    respx.post().respond(202, json={"request_id": "r-1", "status": "QUEUED"})
    assert asyncio.run(send()).outcome is SubmitOutcome.ACCEPTED
    assert "RuntimeError" in caplog.text
    assert TOKENS[1] not in caplog.text
