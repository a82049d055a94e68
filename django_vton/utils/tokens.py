"""Random tokens in addresses that the vendor is given. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, safe in a path."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """SHA-256 in hex. Tokens are random, so no salt and one round are enough (unlike passwords)."""
    return hashlib.sha256(token.encode()).hexdigest()
