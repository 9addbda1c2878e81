"""The demo's dot products, computed by the Verilog; and the Verilog's cost."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.network import Layer
from rtl_gen.manifest import Build
from rtl_gen.simulate import judge
from rtl_gen.simulator import simulate_tensor
from rtl_gen.synth import synthesize


class Verilog:
    """Takes sums from the simulated Verilog of a build, and keeps the verdict on each layer by name."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.verdicts: dict[str, dict[str, Any]] = {}

    def __call__(self, layer: Layer, acts: NDArray[Any]) -> NDArray[np.int64]:
        """The Verilog's own sums, right or wrong: int64 (n, O)."""
        outcome = simulate_tensor(self.build, layer.tensor, acts)
        self.verdicts[layer.name] = judge(self.build.config, layer.tensor, acts, outcome, stalled=False)
        return outcome.sums

    def total(self, key: str) -> int:
        """A figure of the verdicts, summed over the layers."""
        return sum(verdict[key] for verdict in self.verdicts.values())

    @property
    def ok(self) -> bool:
        """Whether every sum and every cycle count was right."""
        return all(verdict["ok"] for verdict in self.verdicts.values())


def start_synthesis(build: Build, targets: Sequence[str], pool: ThreadPoolExecutor) -> dict[str, Future[Any]]:
    """Synthesize for all `targets`; Yosys runs in processes of its own, so the threads of `pool` only wait."""
    return {target: pool.submit(synthesize, build, target) for target in targets}
