"""A plugin for pytest with which the package, the tests and respx use httpx2: `-p tests.use_httpx2`."""

import httpx2

# respx patches httpx and httpcore by name. The alias must come before their first import.
httpx2.alias_httpx()
