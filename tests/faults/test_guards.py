"""The list of guards is about the code as it is."""

from __future__ import annotations

import pytest

from .guards import GUARDS, ROOT, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name.replace(" ", "-"))
def test_each_guard_stands_in_its_file_just_once(guard: Guard) -> None:
    assert (ROOT / guard.path).read_text().count(guard.old) == 1
    assert guard.new != guard.old
    for test in guard.tests.split():
        file, _separator, name = test.partition("::")
        assert (ROOT / file).exists()
        assert not name or f"def {name}(" in (ROOT / file).read_text()


def test_each_guard_has_a_name_of_its_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
