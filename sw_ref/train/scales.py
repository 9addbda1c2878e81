"""Step and zero point of every tensor of a network in integers: those that training learned, on the grid."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.network import Add, AveragePool
from sw_ref.network.multiplier import MANTISSAS
from sw_ref.network.operator import Arithmetic
from sw_ref.quantize.steps import search
from sw_ref.train.activations import Activations
from sw_ref.train.stages import Stage

SAMPLES = 1 << 15
"""Values of each tensor without a learned step that decide on one."""
REACH = 1.25
"""How much further than its samples such a tensor may go."""

Scale = tuple[float, int]


@dataclass(kw_only=True)
class Scales:
    """Finds (step, zero) by tensor; where a table follows, also of what is before it, by `Stage.before`.

    `learned`: quantizers of the layers' inputs, by layer; `values`: what every recorded tensor held.  A tensor takes
    the learned step of the layer that reads it, of several the one with the least squared error.  Where tensors are
    added or averaged, the result's step is the nearest one that makes a multiplier exact.
    """

    stages: Sequence[Stage]
    inputs: Sequence[str]
    learned: Mapping[str, Activations]
    values: Mapping[str, NDArray[np.float32]]
    fmt: StlqFormat
    _parents: dict[str, str] = field(default_factory=dict)
    _found: dict[str, Scale] = field(default_factory=dict)

    def find(self) -> dict[str, Scale]:
        """All scales, in order of execution."""
        for stage in self.stages:
            for name in () if isinstance(stage.options, Arithmetic) else stage.inputs:
                if self._shared(name) != self._shared(stage.output):
                    self._parents[self._shared(name)] = self._shared(stage.output)
        for name in self.inputs:
            self._settle(name, None)
        for stage in self.stages:
            result = self._bound(stage)
            if has_table(stage):
                self._settle(stage.before, result)
                result = None
            self._settle(stage.output, result)
        return {name: self._found[self._shared(name)] for name in self._names()}

    def _names(self) -> Iterator[str]:
        yield from self.inputs
        for stage in self.stages:
            yield from (stage.before, stage.output) if has_table(stage) else (stage.output,)

    def _shared(self, name: str) -> str:
        """The tensor that stands for all between which codes only move."""
        while name in self._parents:
            name = self._parents[name]
        return name

    def _bound(self, stage: Stage) -> float | None:
        """A step of which that before the stage's function is a multiplier away; None where it is free."""
        if stage.added is not None:
            sources = stage.inputs if isinstance(stage.options, Add) else stage.inputs[1:]
            return max(self._found[self._shared(name)][0] for name in sources)
        if isinstance(stage.options, AveragePool):
            return self._found[self._shared(stage.inputs[0])][0] / math.prod(stage.options.kernel)
        return None

    def _settle(self, name: str, bound: float | None) -> None:
        shared = self._shared(name)
        if shared in self._found:
            return
        step, zero = self._free(shared)
        if bound is not None:
            allowed = [
                bound * m * 2.0 ** (math.floor(math.log2(step / bound)) + e) for m in MANTISSAS for e in (-1, 0, 1)
            ]
            step = min(allowed, key=lambda other: abs(math.log2(other / step)))
        self._found[shared] = step, zero

    def _free(self, shared: str) -> Scale:
        """The best scale for the tensors that share one, as if it were free."""
        together = {name for name in self.values if self._shared(name) == shared}
        quantizers = [self.learned[s.layer] for s in self.stages if s.layer and self._shared(s.inputs[0]) == shared]
        samples = np.concatenate([_some(self.values[name]) for name in sorted(together)])
        if not quantizers:
            return search(samples, self.fmt, reach=REACH)
        zero = max(-quantizer.limits[0] for quantizer in quantizers)

        def error(step: float) -> float:
            codes = np.clip(np.rint(samples / step), -zero, self.fmt.act_max - zero)
            return float(np.square(samples - codes * step).sum())

        return min((quantizer.step.item() for quantizer in quantizers), key=error), zero


def has_table(stage: Stage) -> bool:
    """Whether a stage's function takes a table: one that does no more than to clip takes none."""
    return stage.function.function is not None


def _some(values: NDArray[np.float32]) -> NDArray[np.float64]:
    flat = values.reshape(-1)
    return flat[:: flat.size // SAMPLES + 1].astype(np.float64)
