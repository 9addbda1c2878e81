"""What a driver must know of a network: the lengths of the ranges, and where the codes of each tensor are."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hw.engine.config import EngineConfig
from sw_ref.network import Network


@dataclass(frozen=True, kw_only=True)
class Place:
    """Codes from byte `offset` of inputs or outputs on; real value = `step` (a float32) * (code - `zero`)."""

    name: str
    shape: tuple[int, ...]
    offset: int
    step: float
    zero: int

    @property
    def codes(self) -> int:
        """How many there are, in the order channel, row, column."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Interface:
    """`digest`: of the engine; lengths are in bytes; a code takes `code_bytes`, and is at most `highest_code`."""

    digest: int
    program_bytes: int
    inputs_bytes: int
    outputs_bytes: int
    code_bytes: int
    highest_code: int
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]

    @classmethod
    def of(cls, config: EngineConfig, network: Network, program_bytes: int) -> "Interface":
        """That of a network on an engine."""
        inputs, inputs_bytes = _places(config, network, network.inputs)
        outputs, outputs_bytes = _places(config, network, network.outputs)
        return cls(
            digest=config.digest,
            program_bytes=program_bytes,
            inputs_bytes=inputs_bytes,
            outputs_bytes=outputs_bytes,
            code_bytes=config.transfer_bits // 8,
            highest_code=(1 << config.code_bits) - 1,
            inputs=inputs,
            outputs=outputs,
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _places(config: EngineConfig, network: Network, names: Sequence[str]) -> tuple[tuple[Place, ...], int]:
    """One after the other, each from a new bus word on; and the bytes of all."""
    places, offset, word = [], 0, config.bus_bits // 8
    for name in names:
        info = network.tensors[name]
        step = float(np.float32(info.step))
        places.append(Place(name=name, shape=info.shape, offset=offset, step=step, zero=info.zero))
        offset += -(-places[-1].codes * config.transfer_bits // 8 // word) * word
    return tuple(places), offset
