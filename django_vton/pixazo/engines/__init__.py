"""The declarations of the gateway's models, one module each."""

from ..engine import Engine
from .clothing_vton import ClothingVton
from .fashn import Fashn
from .glass import Glass
from .idm_vton import IdmVton
from .kling import Kling

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Fashn(), Glass())}
"""The engines that every shop has, declared from the vendor's own documents."""

UNVERIFIED_ENGINES: dict[str, Engine] = {
    engine.name: engine for engine in (IdmVton(), ClothingVton(), Kling())
}
"""Engines that a shop has only if its setting `ENGINES` names them. They are from other public sources."""

__all__ = ["ENGINES", "UNVERIFIED_ENGINES", "Fashn", "Glass"]
