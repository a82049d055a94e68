"""Create random tokens for the URLs that the vendor receives, and hash tokens for storage."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """Return 256 random bits as text for a URL path."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 in hexadecimal. Random tokens, unlike passwords, need no salt and no more rounds."""
    return hashlib.sha256(token.encode()).hexdigest()
