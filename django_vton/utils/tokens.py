"""Create random tokens for the URLs that the vendor receives, and hash tokens for storage."""

from __future__ import annotations

import hashlib
import secrets

from django.utils.crypto import salted_hmac

PROOF_HEADER = "Vton-Shop"
"""The header with the `shop_proof`, in responses to unknown tokens."""


def new_token() -> str:
    """Return 256 random bits as text for a URL path."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 in hexadecimal. Random tokens, unlike passwords, need no salt and no more rounds."""
    return hashlib.sha256(token.encode()).hexdigest()


def shop_proof(token: str) -> str:
    """Return what only this shop can answer to a token in a URL, as its SECRET_KEY is needed.

    `vton_doctor --live` recognizes by it that a response comes from this shop and from nothing before it.
    """
    return salted_hmac("django_vton.shop", token, algorithm="sha256").hexdigest()[:32]
