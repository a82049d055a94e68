"""A fake of Pixazo's HTTP gateway on loopback, for development and tests. Scenarios make it misbehave.

It is written from the vendor's documents (Fashn v1.6, Glass v1) and, for the other engines, from public
sources. It imports neither Django nor the rest of django_vton. A mistake in the package's client is
therefore not repeated here, and tests find it.
"""

from .gateway import Gateway
from .scenario import Scenario

__all__ = ["Gateway", "Scenario"]
