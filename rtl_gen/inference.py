"""Inferences of a network through the Verilog of an engine, and the verdict: every code and every cycle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from rtl_gen.compare import Difference, compare_writes, read_outputs
from rtl_gen.compiler.layers import Layer, layers_of
from rtl_gen.compiler.lower import Compiled, compile_network
from rtl_gen.compiler.program import encode
from rtl_gen.compiler.writes import Writes, expected_writes
from rtl_gen.engine_bench import BenchSizes
from rtl_gen.engine_simulator import EngineRun, EngineSimulation
from rtl_gen.errors import CheckError
from rtl_gen.testbench import Stalls
from sw_ref.network import Network, execute


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A network on an engine: its jobs and `program`, what it should write, and what each layer costs."""

    config: EngineConfig
    network: Network
    compiled: Compiled
    program: Sequence[int]
    layers: Sequence[Layer]
    writes: Sequence[Writes]

    @classmethod
    def of(cls, network: Network, config: EngineConfig) -> "Task":
        """Raises :class:`UsageError` for what the engine cannot do."""
        compiled = compile_network(network, config)
        return cls(
            config=config,
            network=network,
            compiled=compiled,
            program=encode(config, compiled.jobs),
            layers=layers_of(network, compiled, config),
            writes=list(expected_writes(compiled)),
        )

    @property
    def cycles(self) -> list[int]:
        """The prediction for an inference: the cycles before the first layer, then those of each layer."""
        return [self.layers[0].start, *(layer.cycles for layer in self.layers)]

    def room(self, images: int) -> BenchSizes:
        """The sizes that a bench must have room for."""
        shapes = [self.network.tensors[name].shape for name in self.network.inputs]
        words = sum(-(-int(np.prod(shape)) // self.config.codes_per_transfer) for shape in shapes)
        return BenchSizes(program_words=len(self.program), inputs_words=words * images)

    def jobs_of(self, layer: str) -> range:
        """The jobs of a layer."""
        first = 0
        for own in self.layers:
            if own.name == layer:
                return range(first, first + own.jobs)
            first += own.jobs
        raise KeyError(layer)


@dataclass(kw_only=True)
class Verdict:
    """The results of the images so far; `cycles`: for each image, as in ``Task.cycles``."""

    outputs: dict[str, list[NDArray[Any]]]
    codes: int = 0
    mismatches: int = 0
    astray: int = 0
    stopped: int = 0
    first: Difference | None = None
    cycles: list[list[int]] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether all that was written was right."""
        return not (self.mismatches or self.astray or self.stopped)

    def late(self, task: Task) -> list[list[int]]:
        """The images that took other cycles than predicted."""
        return [image for image in self.cycles if image != task.cycles]


def run_images(
    task: Task, simulate: EngineSimulation, images: Mapping[str, NDArray[Any]], stalls: Stalls, verdict: Verdict
) -> None:
    """Run images, and add what they gave to the verdict.

    Raises :class:`CheckError` if the Verilog does not even end, or gives other numbers of outputs or jobs.
    """
    golden = execute(task.network, images, keep=task.network.tensors)
    count = len(images[task.network.inputs[0]])
    done = simulate(task.program, [{name: codes[i] for name, codes in images.items()} for i in range(count)], stalls)
    found = compare_writes(task.writes, golden, done, len(verdict.cycles))
    try:
        outputs = read_outputs(task.config, task.network.outputs, golden, done)
    except ValueError as error:
        raise CheckError(str(error)) from error
    for name, codes in outputs.items():
        verdict.outputs[name].append(codes)
        verdict.codes += codes.size
        verdict.mismatches += int((codes != golden[name]).sum())
    verdict.codes += found.codes
    verdict.mismatches += found.mismatches
    verdict.astray += found.astray
    verdict.stopped += done.stopped
    verdict.first = verdict.first or found.first
    verdict.cycles += _cycles(task, done)


def _cycles(task: Task, done: EngineRun) -> list[list[int]]:
    """For each image, as in ``Task.cycles``."""
    jobs = len(task.compiled.jobs)
    if len(done.starts) != jobs * len(done.ends):
        raise CheckError(f"the Verilog started {len(done.starts)} jobs; {jobs} for each image are right")
    firsts = np.cumsum([0, *(layer.jobs for layer in task.layers)])[:-1]
    # The first word of a program leaves the input's register a cycle after its transfer; the next program's waits
    # there until the engine is idle.
    origin, cycles = done.begins[0] + 1, []
    for image, end in enumerate(done.ends):
        starts = done.starts[image * jobs : (image + 1) * jobs]
        cycles.append(np.diff([origin, *(starts[first] for first in firsts), end]).tolist())
        origin = end
    return cycles
