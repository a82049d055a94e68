"""Which URLs of a shop's a page may link to."""

from __future__ import annotations

from urllib.parse import urlsplit

DELETE = "\x7f"


def safe_url(url: str) -> str:
    r"""The URL where it is a path of this site or an http(s) URL, else "".

    A product's page may come out of a field that others fill: a supplier, or a seller on a marketplace.
    Browsers drop tabs and newlines in a URL and read a backslash as a slash, so "java\tscript:" runs and
    "/\evil.example" leaves the site: a URL with one of these is none.
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
