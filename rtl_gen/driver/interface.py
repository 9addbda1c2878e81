"""What a driver must know of a network: the lengths of the ranges, and where the codes of each tensor are."""

from collections.abc import Sequence

import numpy as np

from hw.engine.config import EngineConfig
from rtl_gen.driver.stlq import Interface, Tensor
from rtl_gen.errors import UsageError
from sw_ref.network import Network

STEPS = float(np.finfo(np.float32).smallest_normal), float(np.finfo(np.float32).max)
"""The least step and the largest."""


def interface_of(config: EngineConfig, network: Network, program_bytes: int) -> Interface:
    """That of a network on an engine; steps are float32 numbers.  Raises :class:`UsageError` for one that is none."""
    inputs, inputs_bytes = _tensors(config, network, network.inputs)
    outputs, outputs_bytes = _tensors(config, network, network.outputs)
    return Interface(
        digest=config.digest,
        program_bytes=program_bytes,
        inputs_bytes=inputs_bytes,
        outputs_bytes=outputs_bytes,
        code_bytes=config.transfer_bits // 8,
        highest_code=(1 << config.code_bits) - 1,
        inputs=inputs,
        outputs=outputs,
    )


def _tensors(config: EngineConfig, network: Network, names: Sequence[str]) -> tuple[tuple[Tensor, ...], int]:
    """One after the other, each from a new bus word on; and the bytes of all."""
    tensors, offset, word = [], 0, config.bus_bits // 8
    for name in names:
        info = network.tensors[name]
        if not STEPS[0] <= info.step <= STEPS[1]:
            allowed = "{:g} to {:g}, as it is a float32 number there".format(*STEPS)
            raise UsageError(f"tensor {name} has step {info.step!r}; allowed where a driver needs it: {allowed}")
        step = float(np.float32(info.step))
        tensors.append(Tensor(name=name, shape=info.shape, offset=offset, step=step, zero=info.zero))
        offset += -(-tensors[-1].codes * config.transfer_bits // 8 // word) * word
    return tuple(tensors), offset
