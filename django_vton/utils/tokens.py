"""Random tokens in the URLs that the vendor receives. Only their hashes are stored."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, safe in a URL path."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """SHA-256 in hex. Unlike passwords, tokens are random, so they need no salt and only one round."""
    return hashlib.sha256(token.encode()).hexdigest()
