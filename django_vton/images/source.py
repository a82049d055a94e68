"""What the parsers of image containers return, and what they share."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .heif import Grid

# Bytes. Color profiles of printing presses have up to 3 MB. Larger profiles are ignored.
MAX_PROFILE = 3_000_000

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


class WrongKindError(ValueError):
    """The file has none of the accepted formats."""


class DamagedError(ValueError):
    """The file has an accepted format, but it is truncated or broken."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A still image, or the first frame of an animation, not yet decoded.

    `width` and `height` are those before `orientation` (1 to 8, as in Exif) is applied. `profile` is an ICC
    profile or empty. `cost` is the memory that the decoder needs, in bytes per pixel.
    `is_progressive`: `data` is a JPEG of several scans without its end marker, which `pixels` appends.
    `grid`: the tiles of a HEIC, instead of `data`.
    """

    format: str
    data: bytes = field(repr=False)
    width: int
    height: int
    cost: float
    orientation: int = 1
    profile: bytes = b""
    is_animated: bool = False
    is_progressive: bool = False
    grid: "Grid | None" = None

    @property
    def upright(self) -> tuple[int, int]:
        """The width and height after the orientation is applied."""
        return (self.height, self.width) if self.orientation in _SIDEWAYS else (self.width, self.height)


def number(data: bytes, start: int, length: int, order: Literal["little", "big"] = "big") -> int:
    """Return an unsigned integer. Raise `DamagedError` if the data ends before it does."""
    if start + length > len(data):
        raise DamagedError("The file is incomplete.")
    return int.from_bytes(data[start : start + length], order)


def orientation(exif: bytes) -> int:
    """Return the orientation in an Exif block, or 1 (unchanged) if the block is broken or has none."""
    exif = exif.removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "little" if exif.startswith(b"II") else "big"
    try:
        first = number(exif, 4, 4, order) + 2
        for entry in range(first, first + 12 * number(exif, first - 2, 2, order), 12):
            if number(exif, entry, 2, order) == _ORIENTATION:
                return number(exif, entry + 8, 2, order)
    except DamagedError:
        pass
    return 1


def limit_profile(data: bytes) -> bytes:
    """Return the profile, or nothing if it is too large."""
    return data if len(data) <= MAX_PROFILE else b""
