"""Paths into JSON: what they read, and what they write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vton.pixazo.paths import find, is_path, put


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("id", [7]),
        ("data.task_id", ["t"]),
        ("data.images", [[{"url": "a"}, {"url": "b"}, "c"]]),
        ("data.images[].url", ["a", "b"]),
        ("data.images[]", [{"url": "a"}, {"url": "b"}, "c"]),
        ("data.images.url", []),
        ("data.task_id[]", []),
        ("missing.x", []),
        ("id.x", []),
    ],
)
def test_a_path_finds_every_value(path: str, values: list[Any]) -> None:
    payload = {"id": 7, "data": {"task_id": "t", "images": [{"url": "a"}, {"url": "b"}, "c"]}}
    assert find(payload, path) == values


@pytest.mark.parametrize("payload", [None, "x", 3, ["id"], [[]]])
def test_nothing_is_found_outside_of_objects(payload: object) -> None:
    assert find(payload, "id") == []


def test_values_are_put_into_objects_and_lists() -> None:
    body: dict[str, Any] = {}
    for path, value in [("seed", 1), ("input.person", "p"), ("input.tags[]", "a"), ("input.tags[]", "b")]:
        put(body, path, value)
    put(body, "parts[].url", "x")
    put(body, "parts[].url", "y")
    assert body == {
        "seed": 1,
        "input": {"person": "p", "tags": ["a", "b"]},
        "parts": [{"url": "x"}, {"url": "y"}],
    }


@pytest.mark.parametrize(("first", "second"), [("a", "a.b"), ("a[]", "a.b"), ("a.b", "a[]")])
def test_two_values_cannot_have_the_same_place(first: str, second: str) -> None:
    body: dict[str, Any] = {}
    put(body, first, 1)
    with pytest.raises(TypeError, match="'a"):
        put(body, second, 2)


@pytest.mark.parametrize("text", ["a", "a.b", "a[]", "a[].b_c-d", "ä"])
def test_these_are_paths(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[0]", "a[", "[]", "a b", "a\n"])
def test_these_are_no_paths(text: str) -> None:
    assert not is_path(text)


names = st.text("abc_", min_size=1, max_size=4)
steps = st.lists(st.tuples(names, st.sampled_from(["", "[]"])).map("".join), min_size=1, max_size=4)


@given(steps.map(".".join))
def test_what_is_put_is_found(path: str) -> None:
    body: dict[str, Any] = {}
    put(body, path, "value")
    assert find(body, path) == ["value"]
