"""Signed manifests, read by C2PA's own library. Skipped without the extra `c2pa`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_vton.images import normalize_result
from django_vton.images.content_credentials import SigningKey, sign, signing_problem
from django_vton.images.isolated import decode_result
from django_vton.images.provenance import AI_COMPOSITE, read_source_type
from tests.images import samples
from tests.images.samples import corners, encode
from tests.provenance import bear_marks, needs_exiftool

if TYPE_CHECKING:
    from pathlib import Path

credentials = pytest.importorskip("tests.content_credentials", exc_type=ImportError)

BY_AI = ("c2pa.created", AI_COMPOSITE)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey(*credentials.create_certificate(tmp_path).values())


@pytest.mark.parametrize("kind", ["es256", "es384", "ps256", "ed25519"])
def test_each_kind_of_key_signs(tmp_path: Path, kind: str) -> None:
    key = SigningKey(*credentials.create_certificate(tmp_path, kind).values())
    assert signing_problem(key) == ""


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_result_is_signed_in_the_child_process(key: SigningKey, form: str) -> None:
    given = encode(samples.noise(800, 1200, "RGB"), form)
    result = decode_result(given, key).image
    (manifest,) = credentials.read_manifests(result.data, result.content_type)
    assert credentials.actions(manifest) == [BY_AI]
    assert manifest["claim_generator_info"][0]["name"] == "django-vton"
    assert "thumbnail" not in manifest
    added = len(result.data) - len(decode_result(given).image.data)
    assert 2_000 < added < 10_000, "no preview of the image"


def test_the_vendors_manifest_becomes_an_ingredient(key: SigningKey, tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    vendor = SigningKey(*credentials.create_certificate(tmp_path / "vendor", "ps256").values())
    given = sign(encode(corners(), "JPEG"), "image/jpeg", vendor)
    result = decode_result(given, key).image
    ours, theirs = credentials.read_manifests(result.data, "image/jpeg")
    assert credentials.actions(ours) == [("c2pa.opened", ""), ("c2pa.transcoded", AI_COMPOSITE)]
    assert ours["ingredients"][0]["relationship"] == "parentOf"
    assert (ours["signature_info"]["alg"], theirs["signature_info"]["alg"]) == ("Es256", "Ps256")


def test_a_broken_manifest_of_the_vendor_is_left_out(key: SigningKey) -> None:
    given = bytearray(sign(encode(corners(), "JPEG"), "image/jpeg", key))
    at = given.index(b"c2pa.actions")
    given[at - 40 : at + 40] = bytes(80)
    result = decode_result(bytes(given), key).image
    assert credentials.actions(credentials.read_manifests(result.data, "image/jpeg")[0])


@needs_exiftool
def test_the_other_marks_are_kept(key: SigningKey, tmp_path: Path) -> None:
    signed = [decode_result(encode(corners(), form), key).image.data for form in ("JPEG", "PNG")]
    assert [read_source_type(data) for data in signed] == [AI_COMPOSITE] * 2
    assert bear_marks(tmp_path / "read", signed) == [True, True]


def test_a_changed_pixel_is_noticed(key: SigningKey) -> None:
    data = bytearray(decode_result(encode(corners(), "JPEG"), key).image.data)
    data[-200] ^= 0xFF
    with pytest.raises(AssertionError, match="Invalid"):
        credentials.read_manifests(bytes(data), "image/jpeg")


def test_a_result_that_cannot_be_signed_is_delivered_and_the_reason_logged(
    tmp_path: Path, key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    given = encode(corners(), "PNG")
    (tmp_path / "old").mkdir()
    expired = SigningKey(*credentials.create_certificate(tmp_path / "old", days=-5).values())
    for bad in (SigningKey("missing.pem", "missing.pem"), SigningKey(key.key, key.certificate), expired):
        caplog.clear()
        assert decode_result(given, bad).image.data == normalize_result(given).data
        assert "could not be signed" in caplog.text
        assert signing_problem(bad)
    assert decode_result(given, key).image.data != normalize_result(given).data, "the child still works"
