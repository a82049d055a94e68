"""Hypothesis strategies for malformed bodies, headers and queries of the API."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

ODD = st.sampled_from(
    ["", "\0", "\ud800", "﷽", "a\r\nb: c", "%00", "../../x", "9" * 400, "x" * 5000, "1e999"]
)
WORDS = st.one_of(ODD, st.text(max_size=20), st.sampled_from(["true", "null", "[]", "{}", "NaN"]))
NUMBERS = st.one_of(st.integers(), st.just(10**300), st.floats(), st.booleans(), st.none())
SCALARS: st.SearchStrategy[Any] = st.one_of(WORDS, NUMBERS)
NESTED = st.one_of(st.lists(SCALARS, max_size=3), st.dictionaries(WORDS, SCALARS, max_size=3))
VALUES = st.one_of(SCALARS, NESTED, st.lists(NESTED, max_size=2), st.dictionaries(WORDS, NESTED, max_size=2))
FIELDS = st.sampled_from(["product", "photo", "photo_id", "consent", "keep_photo", "options", "value", "x"])
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Accept",
            "Accept-Language",
            "Content-Encoding",
            "Idempotency-Key",
            "If-None-Match",
            "Origin",
            "Range",
            "Referer",
            "X-Forwarded-For",
            "X-HTTP-Method-Override",
            "X-Requested-With",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40),
    max_size=3,
)
CHARSETS = st.sampled_from(["", "; charset=utf-16", "; charset=utf-7", "; charset=rot13", "; charset=\xe4"])


@st.composite
def json_bodies(draw: st.DrawFn, known: dict[str, Any]) -> tuple[bytes, str]:
    """Any JSON, mostly objects with the API's field names, some twice, in any encoding, or truncated."""
    pairs = draw(st.lists(st.tuples(FIELDS, st.one_of(VALUES, st.sampled_from(list(known.values()))))))
    if draw(st.booleans()):
        pairs += list(known.items())
    text = "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs) + "}"
    if draw(st.integers(0, 5)) == 0:
        text = json.dumps(draw(VALUES))
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])))
    return data[: draw(st.sampled_from([None, None, None, 1, 20]))], "application/json" + draw(CHARSETS)


@st.composite
def forms(draw: st.DrawFn, known: dict[str, Any]) -> tuple[bytes, str]:
    """Parts with any names, types, encodings and line ends. Some are files, and some occur twice."""
    parts = [(name, str(value), "") for name, value in known.items()] if draw(st.booleans()) else []
    names = st.one_of(FIELDS, WORDS)
    parts += draw(st.lists(st.tuples(names, WORDS, st.one_of(st.just(""), WORDS)), max_size=4))
    end = draw(st.sampled_from(["\r\n", "\r\n", "\n"]))
    body = ""
    for name, value, file in parts:
        body += f'--edge{end}Content-Disposition: form-data; name="{name}"'
        if file:
            body += f'; filename="{file}"{end}Content-Type: {draw(WORDS)}'
        if draw(st.integers(0, 4)) == 0:
            body += f"{end}Content-Transfer-Encoding: {draw(st.sampled_from(['base64', '8bit', 'x']))}"
        body += f"{end}{end}{value}{end}"
    body += draw(st.sampled_from(["--edge--\r\n", "--edge--", "--edge", ""]))
    boundary = draw(st.sampled_from(["edge", "edge", "edge", '"edge"', "", "e" * 300, "\xe4"]))
    return body.encode("utf-8", "surrogatepass"), f"multipart/form-data; boundary={boundary}" + draw(CHARSETS)


@st.composite
def urlencoded(draw: st.DrawFn, known: dict[str, Any]) -> tuple[bytes, str]:
    """Form data with any names and values."""
    pairs = draw(st.lists(st.tuples(st.one_of(FIELDS, WORDS), WORDS), max_size=5)) + list(known.items())
    body = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
    return body, "application/x-www-form-urlencoded" + draw(CHARSETS)


CURSORS = st.builds(
    lambda key, value: b64encode(f"{key}={quote(value)}".encode()).decode(),
    st.sampled_from("por"),
    st.sampled_from(["yesterday", "0001-01-01 00:00:00+14:00", "9999-12-31 23:59:59-14:00", "-1", "\0"]),
)
QUERIES = st.one_of(WORDS, CURSORS)
BODIES = [json_bodies, forms, urlencoded]
CONTENT_TYPES = st.one_of(
    st.none(), st.sampled_from(["", "application/json", "multipart/form-data", "text/plain", ";", "a/b;=;"])
)
