import json
import subprocess
import sys
from decimal import Decimal

import pytest

from django_vton.pixazo import ENGINES, Engine, Option, OptionError

from . import payloads

FASHN, GLASS = ENGINES["fashn-v1.6"], ENGINES["glass-v1"]
PERSON, PRODUCT = "https://shop.example/p", "https://shop.example/g"

# The parameter tables of the vendor's pages: every allowed value, and similar values that are not.
ALLOWED: dict[tuple[str, str], list[object]] = {
    ("fashn-v1.6", "category"): ["auto", "top", "bottom", "dress", "outerwear"],
    ("fashn-v1.6", "mode"): ["fast", "balanced", "high_quality"],
    ("fashn-v1.6", "garment_photo_type"): ["auto", "on_model", "flat_lay"],
    ("fashn-v1.6", "moderation_level"): ["strict", "moderate", "permissive"],
    ("fashn-v1.6", "num_samples"): [1, 2, 3, 4, 5],
    ("fashn-v1.6", "segmentation_free"): [True, False],
    ("fashn-v1.6", "output_format"): ["png", "jpeg"],
    ("glass-v1", "num_images"): [1, 2, 3, 4],
    ("glass-v1", "output_format"): ["jpeg", "png"],
}
REFUSED: dict[tuple[str, str], list[object]] = {
    ("fashn-v1.6", "category"): ["tops", "AUTO", "", None, 1],
    ("fashn-v1.6", "mode"): ["quality", "performance", True],
    ("fashn-v1.6", "garment_photo_type"): ["flat-lay", "model"],
    ("fashn-v1.6", "moderation_level"): ["none", "conservative"],
    ("fashn-v1.6", "num_samples"): [0, 6, -1, True, "1", 1.0, None],
    ("fashn-v1.6", "segmentation_free"): [1, 0, "true", None],
    ("fashn-v1.6", "output_format"): ["jpg", "webp"],
    ("glass-v1", "num_images"): [0, 5, 100, True, "2", 2.0],
    ("glass-v1", "output_format"): ["jpg", "PNG", None],
}


def test_each_engine_has_exactly_the_documented_options() -> None:
    assert {(engine.name, option.name) for engine in ENGINES.values() for option in engine.options} == set(
        ALLOWED
    )
    assert set(REFUSED) == set(ALLOWED)


@pytest.mark.parametrize(
    ("engine", "name", "value"), [(*key, value) for key, values in ALLOWED.items() for value in values]
)
def test_allowed_values_pass_unchanged(engine: str, name: str, value: object) -> None:
    cleaned = ENGINES[engine].clean_options({name: value})[name]
    assert cleaned == value
    assert type(cleaned) is type(value)


@pytest.mark.parametrize(
    ("engine", "name", "value"), [(*key, value) for key, values in REFUSED.items() for value in values]
)
def test_other_values_are_refused_by_name(engine: str, name: str, value: object) -> None:
    with pytest.raises(OptionError) as caught:
        ENGINES[engine].clean_options({name: value})
    assert caught.value.name == name
    assert str(caught.value.message)
    assert str(caught.value).startswith(f"{name}: ")


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        FASHN.clean_options({"seed": 1})
    assert caught.value.name == "seed"


def test_only_documented_defaults_are_filled_in() -> None:
    assert FASHN.clean_options({}) == {}
    assert GLASS.clean_options({}) == {"num_images": 1, "output_format": "jpeg"}


def test_equal_options_are_equal_in_any_order() -> None:
    one = FASHN.clean_options({"mode": "fast", "category": "top"})
    other = FASHN.clean_options({"category": "top", "mode": "fast"})
    assert json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("num_samples", "2", 2),
        ("segmentation_free", "true", True),
        ("segmentation_free", "on", True),
        ("segmentation_free", "False", False),
        ("category", "dress", "dress"),
    ],
)
def test_text_values_are_converted(name: str, text: str, value: object) -> None:
    option = next(option for option in FASHN.options if option.name == name)
    assert option.from_text(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("num_samples", "6"),
        ("num_samples", ""),
        ("num_samples", "²"),
        ("num_samples", "1e0"),
        ("num_samples", "9" * 5000),
        ("segmentation_free", "maybe"),
        ("segmentation_free", ""),
        ("category", "hat"),
    ],
)
def test_invalid_text_values_are_refused(name: str, text: str) -> None:
    option = next(option for option in FASHN.options if option.name == name)
    with pytest.raises(OptionError):
        option.from_text(text)


def test_every_choice_has_a_label() -> None:
    for engine in ENGINES.values():
        for option in engine.options:
            assert str(option.label)
            assert [value for value, label in option.labelled_choices if str(label)] == list(option.choices)


def test_an_option_without_labels_shows_its_values() -> None:
    option = Option(name="x", kind="choice", label="X", choices=("a", "b"))
    assert option.labelled_choices == [("a", "a"), ("b", "b")]


def test_prices_paths_and_capabilities_are_as_documented() -> None:
    assert list(ENGINES) == ["fashn-v1.6", "glass-v1"]
    assert (FASHN.kind, FASHN.price, FASHN.images_as, FASHN.supports_callbacks) == (
        "garment",
        Decimal("0.075"),
        "url",
        True,
    )
    assert (GLASS.kind, GLASS.price, GLASS.images_as, GLASS.supports_callbacks) == (
        "eyewear",
        Decimal("0.3"),
        "base64",
        False,
    )
    assert FASHN.submit_path == "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
    assert GLASS.submit_path == "/glass-virtual-try-on/v1/api/glass-virtual-tryon"


def test_the_documented_request_can_be_built() -> None:
    example = json.loads(payloads.FASHN_REQUEST)
    person, product = example.pop("model_image"), example.pop("garment_image")
    body = FASHN.submit_body(person, product, FASHN.clean_options(example))
    assert body == json.loads(payloads.FASHN_REQUEST)


def test_the_body_of_a_glass_submit() -> None:
    assert GLASS.submit_body("QUFB", "QkJC", GLASS.clean_options({"output_format": "png"})) == {
        "model_image_path": "QUFB",
        "glass_image_path": "QkJC",
        "num_images": 1,
        "output_format": "png",
    }


def test_the_number_of_images_is_always_sent() -> None:
    assert FASHN.submit_body(PERSON, PRODUCT, {})["num_samples"] == 1
    assert FASHN.submit_body(PERSON, PRODUCT, {"num_samples": 3})["num_samples"] == 3
    assert (FASHN.image_count({}), FASHN.image_count({"num_samples": 3})) == (1, 3)
    assert (GLASS.image_count({}), GLASS.image_count({"num_images": 2})) == (1, 2)


@pytest.mark.parametrize(
    ("engine", "person", "product"),
    [
        (FASHN, "QUFB", PRODUCT),
        (FASHN, PERSON, "QUFB"),
        (FASHN, PERSON, "data:image/png;base64,AA"),
        (GLASS, PERSON, PRODUCT),
        (GLASS, "QUFB", PRODUCT),
        (GLASS, "QUFB", "data:image/png;base64,QUFB"),
    ],
)
def test_images_in_the_wrong_encoding_raise_value_error(engine: Engine, person: str, product: str) -> None:
    with pytest.raises(ValueError, match="takes its images as"):
        engine.submit_body(person, product, {})


def test_status_requests() -> None:
    fashn = FASHN.status_request("a/b?c")
    assert (fashn.method, fashn.path, fashn.json) == ("GET", "/v2/requests/status/a%2Fb%3Fc", None)
    glass = GLASS.status_request("abc-123-xyz")
    assert (glass.method, glass.path, glass.json) == (
        "POST",
        "/glass-virtual-try-on-polling/api/glass-virtual-tryon-result",
        {"request_id": "abc-123-xyz"},
    )


def test_an_instance_can_override_the_paths() -> None:
    moved = type(FASHN)(submit_path="/other/submit", status_path="/other/{request_id}/state")
    assert (moved.submit_path, moved.status_request("7").path) == ("/other/submit", "/other/7/state")
    assert FASHN.submit_path.startswith("/fashn")


@pytest.mark.parametrize(
    ("submit_path", "status_path"),
    [
        ("https://evil.example/x", None),
        ("//evil.example/x", None),
        ("x", None),
        ("/a b", None),
        (None, "/no/placeholder"),
    ],
)
def test_invalid_paths_are_refused(submit_path: str | None, status_path: str | None) -> None:
    with pytest.raises(ValueError, match=r"fashn-v1\.6"):
        type(FASHN)(submit_path=submit_path, status_path=status_path)


class Hats(Engine):
    """A shop's own engine for another model of the gateway."""

    name = "hats-v1"
    kind = "eyewear"
    label = "Hats"
    price = Decimal("0.1")
    typical_seconds = 10
    submit_path = "/hats/v1/request"
    person_field = "person_url"
    product_field = "hat_url"
    options = (Option(name="tilt", kind="integer", label="Tilt", minimum=-10, maximum=10),)


def test_a_further_model_needs_only_class_attributes() -> None:
    hats = Hats()
    options = hats.clean_options({"tilt": -3})
    assert hats.submit_body(PERSON, PRODUCT, options) == {
        "person_url": PERSON,
        "hat_url": PRODUCT,
        "tilt": -3,
    }
    assert hats.image_count(options) == 1
    assert hats.status_request("1").path == "/v2/requests/status/1"
    assert hats.parse(
        {"request_id": "1", "status": "COMPLETED", "output": {"media_url": ["https://h/x"]}}
    ).is_final


def test_reading_options_loads_no_http_library() -> None:
    code = "import sys, django_vton.pixazo; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
