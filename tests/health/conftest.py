from ..admin.conftest import merchant, staff, superuser  # noqa: F401 - fixtures
from ..batches.conftest import noa, runner  # noqa: F401 - as above
from ..lifecycle.conftest import _files, gateway, harness  # noqa: F401 - as above
