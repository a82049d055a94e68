"""The example shop's demo without POSIX."""
# ruff: noqa: E402 - POSIX is removed before other modules are imported

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.windows import no_posix  # noqa: F401

runpy.run_path(str(ROOT / "example_project" / "demo.py"), run_name="__main__")
