"""From a recorded graph to the stages of a network in integers: norms folded, sums and functions in the layers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from sw_ref.export import Node
from sw_ref.network import Add, AveragePool, Conv, ConvTranspose, Linear, Pad
from sw_ref.network.gains import Link, keeps_scale
from sw_ref.network.operator import Arithmetic, Operator
from sw_ref.train.graph import Graph
from sw_ref.train.layers import kind, positions, refuse
from sw_ref.train.operators import Interpolate, Made, Pointwise, interpret


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A node of the network to be: `output` = function(operator(inputs)); a layer adds a second input before that.

    `layer`, `norm`: the trained layer that it is, and the batch norm that is folded into it.  `before`: the recorded
    tensor that its function took.
    """

    name: str
    options: Operator | Interpolate
    inputs: tuple[str, ...]
    output: str
    layer: str | None = None
    norm: str | None = None
    function: Pointwise = field(default_factory=Pointwise)
    before: str = ""

    @property
    def added(self) -> str | None:
        """The second input of a layer or of a sum."""
        return self.inputs[1] if isinstance(self.options, Arithmetic) and len(self.inputs) == 2 else None


def find_stages(
    graph: Graph, model: nn.Module, layers: Mapping[str, Operator], norms: Mapping[str, str]
) -> tuple[list[Stage], list[str]]:
    """All stages in order of execution, and the tensors that the model returns.

    `layers`: their operators; `norms`: by layer the batch norm to fold.

    Raises ``ValueError`` naming every node that no operator does.
    """
    made: dict[str, Made] = {}
    problems: dict[str, None] = {}
    for node in graph.nodes:
        try:
            if node.module is None or node.module not in layers:
                made[node.name] = None if node.name in norms.values() else interpret(node, graph)
            elif graph.runs_once(node.module):
                made[node.name] = layers[node.module]
            else:
                raise ValueError("it runs more than once; needed: a layer for each run")
        except ValueError as error:
            problems[f"{node.op} {node.name}: {error}"] = None
    refuse(list(problems))
    fusion = _Fusion(graph, made, dict(norms), _work(graph, model, layers))
    for node in graph.nodes:
        fusion.add(node)
    return list(fusion.stages.values()), [fusion.tensors[name] for name in graph.returned]


def link(stage: Stage) -> Link:
    """A stage as gains see it."""
    function = stage.function
    return Link(
        options=stage.options,  # type: ignore[arg-type]
        inputs=stage.inputs,
        output=stage.output,
        weighted=stage.layer is not None,
        scales=function.function is None and keeps_scale(function.low, function.high),
    )


def layer_operator(layer: nn.Module, options: Mapping[str, Any]) -> Operator:
    """The operator of a trained layer whose options are those of an export.  ``ValueError`` if there is none."""
    if kind(layer) == "linear":
        return Linear()
    if kind(layer) == "custom":
        raise ValueError("it computes something of its own; needed: a linear or a convolution layer")
    stride, dilation = (_two(options[key], 1) for key in ("stride", "dilation"))
    rows, columns = _two(options["padding"], 0)
    parts: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": (rows, columns, rows, columns)}
    if kind(layer) == "conv":
        return Conv(**parts, groups=options["groups"])
    return ConvTranspose(**parts, groups=options["groups"], output_padding=_two(options["output_padding"], 0))


def _two(values: list[int], absent: int) -> tuple[int, int]:
    """One value per kernel axis as rows and columns."""
    rows, columns = [absent] * (2 - len(values)) + values
    return rows, columns


def _work(graph: Graph, model: nn.Module, layers: Mapping[str, Operator]) -> dict[str, int]:
    """Multiplications of each layer, for one input of the model."""
    found = {}
    for node in graph.nodes:
        if node.module is not None and node.module in layers:
            layer: Any = model.get_submodule(node.module)
            uses = positions(layer, graph.values[node.inputs[0]], graph.values[node.name])
            found[node.name] = layer.weight.numel() * uses
    return found


class _Fusion:
    """The stages so far, by the tensor that each makes, in order.

    `tensors`: the stages' tensor that stands for each recorded one; `readers`: how many nodes read that.
    """

    def __init__(self, graph: Graph, made: dict[str, Made], norms: dict[str, str], work: dict[str, int]) -> None:
        self.made, self.norms, self.work = made, set(norms.values()), work
        self.stages: dict[str, Stage] = {}
        self.tensors = {name: name for name in graph.values}
        self.passed = {node.name: node.inputs[0] for node in graph.nodes if made[node.name] is None}
        read = [name for node in graph.nodes if node.name not in self.passed for name in node.inputs]
        self.readers = Counter(map(self._origin, [*read, *graph.returned]))

    def add(self, node: Node) -> None:
        """Make a stage of a node, or a part of the stage before it."""
        made, inputs = self.made[node.name], tuple(self.tensors[name] for name in node.inputs)
        if node.name in self.norms:
            self._extend(self.stages[inputs[0]], node.name, norm=node.name)
        elif made is None:
            self.tensors[node.name] = inputs[0]
        elif isinstance(made, Pointwise):
            self._function(node.name, inputs[0], made)
        elif isinstance(made, Add):
            self._sum(node.name, inputs)
        else:
            if isinstance(made, Conv):
                made, inputs = self._with_pad(made, inputs)
            layer = node.module if node.name in self.work else None
            self.stages[node.name] = Stage(name=node.name, options=made, inputs=inputs, output=node.name, layer=layer)

    def _origin(self, name: str) -> str:
        """The recorded tensor of which one is no more than another view."""
        while name in self.passed:
            name = self.passed[name]
        return name

    def _alone(self, tensor: str) -> Stage | None:
        """The stage that makes a tensor, if one node reads that: it may change."""
        return self.stages.get(tensor) if self.readers[self._origin(tensor)] == 1 else None

    def _extend(self, stage: Stage, output: str, **changes: Any) -> None:
        """A stage makes `output` from here on, in the place of the node that did."""
        del self.stages[stage.output]
        self.stages[output] = replace(stage, output=output, **changes)
        self.tensors |= {name: output for name, held in self.tensors.items() if held == stage.output}

    def _function(self, name: str, tensor: str, function: Pointwise) -> None:
        stage = self._alone(tensor)
        if stage is not None and isinstance(stage.options, Arithmetic):
            function = function.after(stage.function)
            self._extend(stage, name, function=function, before=stage.before or tensor)
        else:
            one = Stage(name=name, options=AveragePool(kernel=(1, 1)), inputs=(tensor,), output=name)
            self.stages[name] = replace(one, function=function, before=tensor)

    def _sum(self, name: str, inputs: tuple[str, ...]) -> None:
        """A sum goes into the layer with the most arithmetic of those that make its operands, or the later one."""
        order = list(self.stages)
        makers = [stage for stage in map(self._alone, inputs) if stage is not None]
        layers = [s for s in makers if s.layer is not None and s.added is None and not s.before]
        if not layers:
            self.stages[name] = Stage(name=name, options=Add(), inputs=inputs, output=name)
            return
        first = max(layers, key=lambda stage: (self.work[stage.name], order.index(stage.output)))
        other = inputs[1] if inputs[0] == first.output else inputs[0]
        self._extend(first, name, inputs=(first.inputs[0], other))

    def _with_pad(self, conv: Conv, inputs: tuple[str, ...]) -> tuple[Conv, tuple[str, ...]]:
        """Zeros around the input, as padding of the convolution that alone reads them."""
        stage = self._alone(inputs[0])
        if stage is None or not isinstance(stage.options, Pad) or stage.options.mode != "zero":
            return conv, inputs
        del self.stages[stage.output]
        top, left, bottom, right = (a + b for a, b in zip(conv.padding, stage.options.padding, strict=True))
        return replace(conv, padding=(top, left, bottom, right)), stage.inputs
