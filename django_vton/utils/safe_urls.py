"""Check whether a page may link to a URL from the shop's data."""

from __future__ import annotations

from urllib.parse import urlsplit

DELETE = "\x7f"


def safe_url(url: str) -> str:
    r"""Return the URL if it is a path on this site or an http(s) URL, otherwise "".

    A product's URL can come from a field that suppliers or sellers fill in. Browsers drop tabs and newlines
    in a URL and treat a backslash as a slash, so "java\tscript:" would run a script and "/\evil.example"
    would leave the site. Return "" for URLs with such characters too.
    """
    url = url.strip()
    if any(character < " " or character in {"\\", DELETE} for character in url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme in {"http", "https"}:
        return url if parts.hostname else ""
    is_path = url.startswith("/") and not url.startswith("//")
    return url if is_path else ""
