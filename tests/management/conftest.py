from ..batches.conftest import mia, noa, runner  # noqa: F401 - fixtures
from ..lifecycle.conftest import _files, gateway, harness  # noqa: F401 - fixtures
