"""The HTTP library: httpx2, the successor of httpx, if it is installed (the extra `httpx2`), else httpx.

All modules import it from here, so that a process uses one of them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Both have the same types.
    import httpx
else:
    try:
        import httpx2 as httpx
    except ModuleNotFoundError:
        import httpx

__all__ = ["httpx"]
