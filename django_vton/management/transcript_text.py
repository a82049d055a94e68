"""A transcript as Markdown, to be pasted into a bug report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def as_markdown(transcript: Mapping[str, Any]) -> str:
    """Return the Markdown of `gateway.transcripts.create_transcript`. It is English, as bug reports are."""
    return "\n".join(_lines(transcript)) + "\n"


def _lines(transcript: Mapping[str, Any]) -> Iterator[str]:
    tryon = transcript["try_on"]
    yield f"### Transcript of try-on {tryon['id']}"
    yield ""
    yield f"- {', '.join(f'{name} {version}' for name, version in transcript['versions'].items())}"
    yield f"- engine `{tryon['engine']}`, state `{tryon['state']}` {_code(tryon['error'])}".rstrip()
    yield f"- {', '.join(f'{name}: `{value}`' for name, value in transcript['settings'].items())}"
    for attempt in transcript["attempts"]:
        yield ""
        yield f"#### Attempt {attempt['number']} ({attempt['engine']})"
        yield ""
        yield f"- outcome `{attempt['outcome']}`, {attempt['price_usd']:g} USD: {attempt['money']}"
        yield f"- vendor's id {_code(attempt['vendor_id']) or 'unknown'}"
        if attempt["error"]:
            yield f"- error: {_code(attempt['error'])}"
        for exchange in attempt["exchanges"]:
            yield from _exchange(exchange)


def _exchange(exchange: Mapping[str, Any]) -> Iterator[str]:
    times = f", {exchange['times']} times until {exchange['last_at']}" if exchange["times"] > 1 else ""
    status = exchange["status"] or "no answer"
    yield ""
    yield f"**{exchange['kind']}** {exchange['at']}{times}"
    yield ""
    yield f"{_code(exchange['method'] + ' ' + exchange['path'])}: {status} in {exchange['seconds']:g} s"
    yield ""
    # No line of indented JSON begins with a fence, whatever the vendor has sent.
    yield "```json"
    parts = {"request": exchange["request"], "response": exchange["response"], "error": exchange["error"]}
    yield json.dumps({name: part for name, part in parts.items() if part}, indent=1, ensure_ascii=False)
    yield "```"


def _code(text: str | None) -> str:
    """Return a text as inline code, in which backticks would end it; "" without a text."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`" if text else ""
