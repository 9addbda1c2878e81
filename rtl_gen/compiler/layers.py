"""The cost of a program, layer by layer."""

from collections.abc import Container
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hw.engine.config import EngineConfig
from rtl_gen.compiler.cycles import predict, predict_end
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
    nodes = {node.name: node for node in network.nodes}
    shapes = {f"{kind} {name}": info.shape for kind in ("input", "output") for name, info in network.tensors.items()}
    windows = {job.layer for job in compiled.jobs if job.fields["window"]}
    last = len(compiled.steps) - 1
    steps = [compiled.step_of(number) for number in range(len(timings))]
    # Whether it is a node's is no question of its name: a node may be called as an input's jobs are.
    keys = [(timing.layer, 0 < step < last, step == last) for timing, step in zip(timings, steps, strict=True)]
    parts = [list(group) for _, group in groupby(range(len(timings)), key=lambda number: keys[number])]
    starts = [*(timings[part[0]].start for part in parts), predict_end(config, compiled.jobs)]
    layers = []
    for part, start, end in zip(parts, starts, starts[1:], strict=False):
        (name, is_node, _), own = keys[part[0]], [timings[number] for number in part]
        facts = _of_node(network, nodes[name], windows) if is_node else {"macs": 0, "shape": shapes.get(name)}
        memory = max(compiled.placement.words_at(steps[number]) for number in part)
        sums = {what: sum(getattr(timing, what) for timing in own) for what in ("beats", "idle", "program", "port")}
        layers.append(Layer(name=name, jobs=len(own), start=start, cycles=end - start, memory=memory, **sums, **facts))
    return layers


def _of_node(network: Network, node: Node, windows: Container[str]) -> dict[str, Any]:
    """What a layer is by its node; `windows`: the nodes that the window serves."""
    form = WINDOW_FORM if node.name in windows else "diagonal tiles" if is_depthwise(node) else ""
    return {"macs": _macs(network, node), "shape": network.tensors[node.output].shape, "form": form}


def is_depthwise(node: Node) -> bool:
    """Whether each output channel is a sum over one input channel of its own."""
    return isinstance(node.options, Conv) and 1 < node.options.groups == node.weight_shape[0]


def _macs(network: Network, node: Node) -> int:
    """Multiplications of weights with codes, those of padding among them."""
    if node.weights is None:
        return 0
    reads = network.tensors[node.inputs[0]].shape if node.op == "conv_transpose" else None
    _, rows, columns = reads or network.tensors[node.output].shape
    return node.weights.word1.size * rows * columns
