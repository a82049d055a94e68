from ..batches.conftest import mia, noa, runner  # noqa: F401 - fixtures
from ..hostile_gateway.conftest import network  # noqa: F401 - a fixture
from ..lifecycle.conftest import _files, gateway, harness  # noqa: F401 - fixtures
