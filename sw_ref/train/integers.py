"""The network in integers that training ends in, as a model to train: :func:`to_integers`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.format import StlqFormat
from sw_ref.network import Add, Network, Pad, TensorInfo
from sw_ref.network.bilinear import Bilinear
from sw_ref.network.gains import Gains, columns
from sw_ref.network.operator import Arithmetic, Operator, Shape
from sw_ref.train.activations import activations_of
from sw_ref.train.cells import Grid, Move, Simple
from sw_ref.train.graph import Graph, record_graph
from sw_ref.train.layers import Batch, refuse
from sw_ref.train.norms import foldable_norms
from sw_ref.train.operators import Interpolate, standard
from sw_ref.train.options import convolution_options
from sw_ref.train.quantization import Quantization
from sw_ref.train.scales import Scale, Scales
from sw_ref.train.stages import Stage, find_stages, layer_operator, link
from sw_ref.train.weighted import Fixed, Layer, Trained
from sw_ref.train.weights import Words

Cell = Move | Simple | Layer | Fixed


def to_integers(model: nn.Module, quantization: Quantization, example: Batch) -> "Integers":
    """The trained model as a network in integers, to be trained for the last epochs; its parameters are the model's.

    From here on the steps of activations, v and batch norms are frozen, and U is where the multipliers are exact.
    `example`: one batch of model inputs; steps that training did not learn, as the outputs', are found on it.

    Raises ``ValueError`` with all nodes of the model that a network in integers cannot have, and what is needed; or if
    v is not 0 everywhere, the method makes no words, or activations are float.  The model is then as it was.
    """
    view = quantization.on(model)
    if not view.method.exports:
        raise ValueError(f"method is {view.method.name}; allowed: one whose weights are words")
    refuse([f"{n}: v is not 0; allowed: 0 (step to the end)" for n, q in view.words() if q.v is not None and q.v.any()])
    learned = {name: activations_of(name, layer) for name, layer in view.layers.items()}
    found = stages_of(model, view.layers, example)
    graph, norms, stages, inputs = found.graph, found.norms, found.stages, found.inputs
    parts = (name for stage in stages for name in (stage.layer, stage.before, stage.output) if name)
    names = tuple(dict.fromkeys((*inputs, *parts)))
    values = {name: standard(graph.values[name]).cpu().numpy() for name in names}
    fmt = replace(view.fmt, act_signed=False)
    scales = Scales(stages=stages, inputs=inputs, learned=learned, values=values, fmt=fmt).find()
    gains = Gains(map(link, stages), found.outputs, {name: value.shape[1:] for name, value in values.items()})
    builder = _Builder(view, norms, scales, values, gains)
    for name in inputs:
        builder.take_input(name)
    for stage in stages:
        builder.add(stage)
    axes = [graph.values[name].ndim for name in graph.returned]
    outputs = dict(zip(found.outputs, axes, strict=True))
    made = Integers(builder.cells, builder.tensors, inputs, outputs, fmt, view.tile)
    for cell in builder.cells:
        if isinstance(cell, Layer):
            cell.freeze()
    quantization.integers = made.to(next(model.parameters()).device)
    made.visit(Layer.adapt, *(graph.values[name] for name in inputs))
    return made


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The stages of a recorded model, the batch norms that are folded (by layer), and names of what goes in and out."""

    graph: Graph
    norms: Mapping[str, str]
    stages: Sequence[Stage]
    inputs: Sequence[str]
    outputs: Sequence[str]


def stages_of(model: nn.Module, layers: Mapping[str, nn.Module], example: Batch) -> Stages:
    """A model, whose `layers` are quantized, as stages of a network in integers.

    Raises ``ValueError`` with all nodes that such a network cannot have, and what is needed.
    """
    graph = record_graph(model, layers, example, values=True)
    norms = foldable_norms(graph, model, layers)
    stages, outputs = find_stages(graph, model, _operators(graph, layers), norms)
    return Stages(graph=graph, norms=norms, stages=stages, inputs=_inputs(graph, stages), outputs=outputs)


def _operators(graph: Graph, layers: Mapping[str, nn.Module]) -> dict[str, Operator]:
    """The operators of the trained layers; ``ValueError`` with all that have none."""
    found, problems = {}, []
    for name, layer in layers.items():
        try:
            found[name] = layer_operator(layer, convolution_options(name, layer, graph))
        except ValueError as error:
            problems.append(f"{name}: {error}")
    refuse(problems)
    return found


def _inputs(graph: Graph, stages: Sequence[Stage]) -> list[str]:
    """The model's inputs; ``ValueError`` with those that nothing reads."""
    made, read = {node.name for node in graph.nodes}, {name for stage in stages for name in stage.inputs}
    inputs = [name for name in graph.values if name not in made]
    refuse(
        [f"{name} is read by no layer; needed: a model that reads its inputs" for name in inputs if name not in read]
    )
    return inputs


class _Builder:
    """Cells and tensors of the network so far."""

    def __init__(
        self,
        view: Quantization,
        norms: Mapping[str, str],
        scales: Mapping[str, Scale],
        values: Mapping[str, NDArray[np.float32]],
        gains: Gains,
    ) -> None:
        self.view, self.norms, self.scales, self.values, self.gains = view, norms, scales, values, gains
        self.fmt = replace(view.fmt, act_signed=False)
        self.cells: list[Cell] = []
        self.tensors: dict[str, TensorInfo] = {}

    def take_input(self, name: str) -> None:
        """Add an input of the network."""
        self.tensors[name] = self._info(name)

    def _info(self, name: str) -> TensorInfo:
        step, zero = self.scales[name]
        shape: Shape = self.values[name].shape[1:]  # type: ignore[assignment]
        return TensorInfo(shape=shape, step=step, zero=zero)

    def add(self, stage: Stage) -> None:
        """The cells of one stage."""
        if isinstance(stage.options, Interpolate):
            self.cells += self._bilinear(stage)
            return
        self.tensors[stage.output] = self._info(stage.output)
        self.gains.follow(stage.output)
        if not isinstance(stage.options, Arithmetic):
            self.cells.append(Move(stage))
            return
        if isinstance(stage.options, Add):
            # The second one has the larger step: its multiplier is the first one's, shifted left.
            stage = replace(stage, inputs=tuple(sorted(stage.inputs, key=lambda name: self.scales[name][0])))
        grid = Grid.of(stage, self.scales, self.fmt)
        if stage.layer is None:
            self.cells.append(Simple(stage, grid, self.tensors[stage.output].shape[0]))
            return
        cell = Layer(stage, grid, self._trained(stage), self.view.tile)
        if cell.trained.free:
            self.gains.leave(stage.output, 1 / cell.left)
        self.cells.append(cell)

    def _trained(self, stage: Stage) -> Trained:
        """The layer of a stage."""
        name, source, modules = str(stage.layer), stage.inputs[0], dict(self.view.model.named_modules())
        layer, groups = self.view.layers[name], getattr(stage.options, "groups", 1)
        bias, given = getattr(layer, "bias", None), self.values[source]
        seen = [self.gains.of(source), np.square(given, dtype=np.float64).mean(axis=(0, 2, 3))]
        quantizer: Words = layer.parametrizations["weight"][0]  # type: ignore[index, union-attr, assignment]
        gains, squares = (columns(part, quantizer.tiling.shape, groups) for part in seen)
        means = self.values[name].mean(axis=(0, 2, 3), dtype=np.float64)
        return Trained(
            layer=layer,
            norm=modules[self.norms[name]] if name in self.norms else None,
            gains=gains,
            squares=squares,
            means=means if bias is None else means - bias.detach().double().cpu().numpy(),
            free=self.gains.free(stage.output),
        )

    def _bilinear(self, stage: Stage) -> Iterator[Cell]:
        assert isinstance(stage.options, Interpolate)
        (source,), scale = stage.inputs, self.scales[stage.output]
        bilinear = Bilinear(format=self.fmt, tile=self.view.tile, factor=stage.options.factor)
        nodes, tensors = bilinear.build(stage.name, source, self.tensors[source], stage.output)
        self.tensors |= tensors
        for node in nodes:
            if isinstance(node.options, Pad):
                yield Move(Stage(name=node.name, options=node.options, inputs=node.inputs, output=node.output))
            else:
                yield Fixed(node, Grid(fmt=self.fmt, inputs=(scale,), before=scale, after=scale))


class Integers(nn.Module):
    """A network in integers that learns: real tensors in and out, as the model has them, whole numbers in between.

    It computes the codes of the golden of :meth:`network`, code for code; in training, too.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        tensors: Mapping[str, TensorInfo],
        inputs: Sequence[str],
        outputs: Mapping[str, int],
        fmt: StlqFormat,
        tile: tuple[int, int],
    ) -> None:
        """`outputs`: how many axes each has in the model."""
        super().__init__()
        self.cells = nn.ModuleList(cells)
        self.tensors, self.inputs, self.outputs = dict(tensors), tuple(inputs), dict(outputs)
        self.fmt, self.tile = fmt, tile

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The model's output, or outputs in the order in which it returns them."""
        codes = self._run(inputs)
        made = tuple(self._leave(codes[name] * self.tensors[name].step, axes) for name, axes in self.outputs.items())
        return made[0] if len(made) == 1 else made

    def settle(self, *inputs: Tensor) -> None:
        """Take the means of all folded batch norms anew, from one large batch.  Do so when training has ended.

        Weights of words move in jumps, and leave the means of their outputs behind.
        """
        self.visit(Layer.settle, *inputs)

    @torch.no_grad()
    def visit(self, change: Callable[[Layer, Tensor], None], *inputs: Tensor) -> None:
        """Change each trained layer, given its input in codes, before what it gives goes on."""
        self._run(inputs, change)

    @torch.no_grad()
    def codes(self, *inputs: Tensor) -> dict[str, Tensor]:
        """The codes of every tensor, int32 (n, C, H, W)."""
        return {name: codes.int() + self.tensors[name].zero for name, codes in self._run(inputs).items()}

    def network(self) -> Network:
        """The network as it is now.  Raises ``ValueError`` for a bias out of reach."""
        return Network(
            format=self.fmt,
            tile=self.tile,
            tensors=self.tensors,
            nodes=tuple(cell.node() for cell in self.cells),  # type: ignore[operator]
            inputs=self.inputs,
            outputs=tuple(self.outputs),
        )

    def _run(
        self, inputs: Sequence[Tensor], change: Callable[[Layer, Tensor], None] | None = None
    ) -> dict[str, Tensor]:
        """Code - zero point of every tensor."""
        made = {name: self._enter(name, x) for name, x in zip(self.inputs, inputs, strict=True)}
        for cell in self.cells:
            given = [made[name] for name in cell.stage.inputs]  # type: ignore[union-attr]
            if change is not None and isinstance(cell, Layer):
                change(cell, given[0])
            made[cell.stage.output] = cell(*given)  # type: ignore[union-attr]
        return made

    def _enter(self, name: str, x: Tensor) -> Tensor:
        """A real input as codes: ties to even, as ONNX QuantizeLinear has them, unlike those inside the network."""
        info = self.tensors[name]
        step = torch.tensor(info.step, dtype=x.dtype, device=x.device)
        return torch.round(standard(x) / step).clamp(-info.zero, self.fmt.act_max - info.zero)

    def _leave(self, x: Tensor, axes: int) -> Tensor:
        return x if axes == 4 else x.flatten(axes - 1)
