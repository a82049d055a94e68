"""The fixtures of the lifecycle's tests."""

from ..lifecycle.conftest import _files, clock, garment_harness, gateway, harness, orders  # noqa: F401
