"""Mirror v2 for products of any kind."""

from __future__ import annotations

from .mirror import Mirror


def mirror_of(kind: str) -> type[Mirror]:
    """Return an engine of this kind, with the name `mirror-<kind>`."""
    return type("MirrorOfKind", (Mirror,), {"name": f"mirror-{kind}", "kind": kind})
