"""The cost of a program, layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from hw.engine.config import EngineConfig
from rtl_gen.compiler.cycles import Timing, predict, predict_end
from rtl_gen.compiler.lower import Compiled
from sw_ref.network import Conv, Network, Node
from sw_ref.network.operator import Shape

WINDOW_FORM = "window"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Jobs of one name: `jobs` of them from `start` to the start of what follows, `cycles` later.

    `macs`: multiplications of the layer's own weights; `idle`: cycles for the requantizer; `program`: cycles in which
    only the program was missing; `port`: for results, where the memory has one port; `memory`: words that are needed
    while it runs; `form`: of a depthwise layer.
    """

    name: str
    jobs: int
    start: int
    cycles: int
    beats: int
    idle: int
    program: int
    port: int
    macs: int
    memory: int
    shape: Shape | None
    form: str = ""

    @property
    def losses(self) -> dict[str, int]:
        """The cycles that an element a cycle leaves, by what takes them."""
        losses = {"requantizer": self.idle, "program": self.program, "memory": self.port}
        return {**losses, "drain": self.cycles - self.beats - sum(losses.values())}

    @property
    def bound(self) -> str:
        """What takes most of the cycles, if not the array."""
        losses = self.losses
        worst = max(losses, key=lambda name: losses[name])
        return worst if losses[worst] > self.beats else ("array" if self.macs else "beats")

    def utilisation(self, macs_per_cycle: int) -> float:
        """Useful multiplications, of those that the array could do in that time."""
        return self.macs / (self.cycles * macs_per_cycle)


def layers_of(network: Network, compiled: Compiled, config: EngineConfig) -> list[Layer]:
    """The layers of a program in order: words of zero points, inputs, nodes, outputs."""
    timings = predict(config, compiled.jobs)
    end = predict_end(config, compiled.jobs)
    shapes = {f"{kind} {name}": info.shape for kind in ("input", "output") for name, info in network.tensors.items()}
    shapes |= {node.name: network.tensors[node.output].shape for node in network.nodes}
    macs = {node.name: _macs(network, node.name) for node in network.nodes}
    forms = {node.name: "diagonal tiles" for node in network.nodes if is_depthwise(node)}
    forms |= {job.layer: WINDOW_FORM for job in compiled.jobs if job.fields["window"]}
    parts = [(name, list(group)) for name, group in groupby(timings, key=lambda timing: timing.layer)]
    starts = [part[0].start for _, part in parts[1:]] + [end]
    return [
        Layer(
            name=name,
            jobs=len(part),
            start=part[0].start,
            cycles=after - part[0].start,
            beats=_sum(part, "beats"),
            idle=_sum(part, "idle"),
            program=_sum(part, "program"),
            port=_sum(part, "port"),
            macs=macs.get(name, 0),
            memory=compiled.memory_of(name),
            shape=shapes.get(name),
            form=forms.get(name, ""),
        )
        for (name, part), after in zip(parts, starts, strict=True)
    ]


def _sum(part: Sequence[Timing], what: str) -> int:
    return sum(getattr(timing, what) for timing in part)


def is_depthwise(node: Node) -> bool:
    """Whether each output channel is a sum over one input channel of its own."""
    return isinstance(node.options, Conv) and 1 < node.options.groups == node.weight_shape[0]


def _macs(network: Network, name: str) -> int:
    """Multiplications of weights with codes, those of padding among them."""
    node = next(node for node in network.nodes if node.name == name)
    if node.weights is None:
        return 0
    reads = network.tensors[node.inputs[0]].shape if node.op == "conv_transpose" else None
    _, rows, columns = reads or network.tensors[node.output].shape
    return node.weights.word1.size * rows * columns
