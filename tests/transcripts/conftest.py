"""The fixtures of the lifecycle's tests."""

from ..lifecycle.conftest import _files, garment_harness, gateway, harness  # noqa: F401
