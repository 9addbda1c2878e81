"""What all tops around an engine have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from hw.engine.config import EngineConfig


@dataclass(frozen=True, kw_only=True)
class TopConfig(ABC):
    """An engine inside a top; each kind of top adds its own parameters."""

    engine: EngineConfig

    @property
    @abstractmethod
    def kind(self) -> str:
        """The end of the top's name."""

    @property
    def name(self) -> str:
        """The top module."""
        return f"{self.engine.name.removesuffix('_engine')}_{self.kind}"

    @property
    def bus_bits(self) -> int:
        """Width of a bus word."""
        return self.engine.bus_bits

    @property
    def word_bytes(self) -> int:
        """Bytes of a bus word."""
        return self.bus_bits // 8
