"""A Pixazo gateway on loopback, for development and tests: it costs nothing, and misbehaves on demand.

Written from the vendor's documents (Fashn v1.6, Glass v1). It imports nothing else of django_vton and
nothing of Django, so that a mistake in the package's own client is not repeated here and shows.
"""

from .gateway import Gateway
from .scenario import Scenario

__all__ = ["Gateway", "Scenario"]
