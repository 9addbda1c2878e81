"""A float network and calibration data to a network in integers, node by node in order of execution.

Each layer is quantized for the inputs that the nodes before it, already in integers, really give it.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.graph import FloatNetwork, FloatNode, uses
from rtl_gen.frontend.losses import LayerReport, relative
from rtl_gen.frontend.problem import Problem, as_layer
from rtl_gen.frontend.requantize import EXACT, requantizer
from rtl_gen.frontend.scales import Scale, before
from rtl_gen.frontend.walk import walk
from sw_ref.activations import quantize_activations
from sw_ref.cost import cost
from sw_ref.format import StlqFormat
from sw_ref.grouped import Streamed
from sw_ref.model import StlqTensor
from sw_ref.network import Add, AveragePool, Network, Node, TensorInfo, execute
from sw_ref.network.gains import Gains, Link, columns, keeps_scale
from sw_ref.network.multiplier import MANTISSAS
from sw_ref.network.operator import Movement
from sw_ref.quantize.budget import Demand
from sw_ref.quantize.layer import Grid, LayerQuantizer
from sw_ref.tiling import Selection

EVEN = tuple(2.0 ** (k / 26) for k in range(26))
"""The units of an octave that are tried where a gain may be left: twice as many as there are exact ones."""


@dataclass(kw_only=True)
class Converter:
    """Builds the nodes of the network in integers; codes and real values are held as long as they have readers.

    `fmt`: words of weights and (unsigned) codes.  `ratios`: R by layer.  `scales`: by tensor.  `inputs`: the real
    calibration data by input tensor, (n, C, H, W).
    """

    network: FloatNetwork
    fmt: StlqFormat
    tile: tuple[int, int]
    ratios: Mapping[str, float]
    scales: Mapping[str, Scale]
    inputs: Mapping[str, NDArray[np.float32]]
    nodes: list[Node] = field(default_factory=list)
    reports: list[LayerReport] = field(default_factory=list)
    _floats: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _codes: dict[str, NDArray[Any]] = field(default_factory=dict)
    _errors: dict[str, float] = field(default_factory=dict)
    _scarce: set[str] = field(default_factory=set)
    gains: Gains = field(init=False)

    def __post_init__(self) -> None:
        outputs = [port.tensor for port in self.network.outputs]
        self.gains = Gains(map(link, self.network.nodes), outputs, self.network.shapes)

    def convert(self) -> Network:
        """The network in integers."""
        self._floats = dict(self.inputs)
        for name, values in self.inputs.items():
            self._codes[name] = self.codes_of(name, values)
            self._errors[name] = self._error(name)
        for node in walk(self.network, self._floats):
            self._codes = {name: codes for name, codes in self._codes.items() if name in self._floats}
            with named(node):
                self._convert(node)
        used = {name for node in self.nodes for name in (*node.inputs, node.output)}
        return Network(
            format=self.fmt,
            tile=self.tile,
            tensors={name: self._info(name) for name in self.network.shapes if name in used},
            nodes=tuple(self.nodes),
            inputs=tuple(port.tensor for port in self.network.inputs),
            outputs=tuple(dict.fromkeys(port.tensor for port in self.network.outputs)),
        )

    def codes_of(self, tensor: str, values: NDArray[Any]) -> NDArray[np.int32]:
        """The codes of real values of a tensor."""
        step, zero = self.scales[tensor]
        return quantize_activations(values, step, self.fmt, zero)

    def _info(self, tensor: str) -> TensorInfo:
        step, zero = self.scales[tensor]
        return TensorInfo(shape=self.network.shapes[tensor], step=step, zero=zero)

    def _convert(self, node: FloatNode) -> None:
        weights, off = None, 0.0
        self.gains.follow(node.output)
        if isinstance(node.options, Movement):
            made = Node(name=node.name, inputs=node.inputs, output=node.output, options=node.options)
        elif node.weight is not None:
            made, off = self._layer(node)
            weights = made.weights
        else:
            made, off = self._simple(node)
        single = Network(
            format=self.fmt,
            tile=self.tile,
            tensors={name: self._info(name) for name in (*made.inputs, made.output)},
            nodes=(made,),
            inputs=tuple(dict.fromkeys(made.inputs)),
            outputs=(made.output,),
        )
        self._codes[node.output] = execute(single, {name: self._codes[name] for name in single.inputs})[node.output]
        self._errors[node.output] = self._error(node.output)
        self.nodes.append(made)
        if weights is not None or off > EXACT:
            self.reports.append(self._report(node, weights, off))

    def _simple(self, node: FloatNode) -> tuple[Node, float]:
        """Additions, averages, and functions alone (as averages over 1 x 1)."""
        # Of two tensors the second one has the larger step: its multiplier is the first one's, shifted left.
        inputs = tuple(sorted(node.inputs, key=lambda name: self.scales[name][0]))
        (step, zero), pre = self.scales[inputs[0]], self.scales[before(node)]
        options, channels, added = node.options, self.network.shapes[node.output][0], None
        if node.op == "activation":
            options = AveragePool(kernel=(1, 1))
        counts = np.ones(())
        if isinstance(options, Add):
            added = self.scales[inputs[1]][0] / pre[0]
        elif isinstance(options, AveragePool):
            counts = np.array(math.prod(options.kernel))
            if not options.count_padding:
                counts = options.row_numbers(self.network.shapes[inputs[0]])[:, None]
        factors = np.full((*counts.shape[:-1], channels), step / pre[0]) / counts
        bias = np.full(channels, -float(zero) * math.prod(getattr(options, "kernel", (1,))))
        parts, off = requantizer(factors, bias, self.fmt, (pre, self.scales[node.output]), node.function, added)
        return Node(name=node.name, inputs=inputs, output=node.output, options=options, requantizer=parts), off

    def demands(self) -> dict[str, Demand]:
        """The worth of second words to each layer, in shares of its output's energy; from float inputs."""
        self._floats = dict(self.inputs)
        return {node.name: self._demand(node) for node in walk(self.network, self._floats) if node.name in self.ratios}

    def _demand(self, node: FloatNode) -> Demand:
        with named(node):
            problem = self._problem(node)
        streamed = Streamed.of(problem.weight.shape, self.tile, problem.groups)
        none = np.zeros(problem.weight.shape, bool)
        quantizer = self._quantizer(node, problem)
        unit = quantizer.best_units(problem.parts, none)
        energy = sum(float(np.vdot(p.target @ p.spread.moments, p.target)) for p in problem.parts)
        gains = quantizer.gains(problem.parts, unit, none) / energy if energy else np.zeros(streamed.grid)
        return Demand(gains=gains, streamed=streamed, uses=uses(node, self.network.shapes))

    def _problem(self, node: FloatNode) -> Problem:
        """A layer's weights, and the statistics of its inputs."""
        options, weight = as_layer(node, self.network.shapes[node.inputs[0]][0])
        gains = columns(self.gains.of(node.inputs[0]), weight.shape, getattr(options, "groups", 1))
        weight = weight * gains.astype(np.float32)
        floats = self._floats[node.inputs[0]] / self._gains(node.inputs[0])
        acts = self._even(node.inputs[0]) if node.inputs[0] in self._codes else floats
        return Problem.of(options, weight, self.network.shapes[node.inputs[0]], (acts, floats))

    def _quantizer(self, node: FloatNode, problem: Problem) -> LayerQuantizer:
        return LayerQuantizer(
            shape=problem.weight.shape,
            fmt=self.fmt,
            tile=self.tile,
            grid=Grid(
                base=self.scales[before(node)][0] / self.scales[node.inputs[0]][0],
                mantissas=EVEN if self.gains.free(node.output) else MANTISSAS,
            ),
            selection=Selection(ratio=self.ratios[node.name]),
            groups=problem.groups,
        )

    def _layer(self, node: FloatNode) -> tuple[Node, float]:
        """A node with weights: quantized for its inputs."""
        problem = self._problem(node)
        if any(moments.count < moments.size for moments in problem.moments):
            self._scarce.add(node.name)
        (step, zero), pre = self.scales[node.inputs[0]], self.scales[before(node)]
        tensor = self._quantizer(node, problem).quantize(problem.parts)
        wanted = tensor.scale * 2.0**-self.fmt.unit_shift * step / pre[0]
        factor = snapped(wanted)
        if self.gains.free(node.output):
            self.gains.leave(node.output, wanted / factor)
        else:
            wanted = factor  # The scale is float32; the multiplier that it stands for is exact.
        unit, integers = wanted * pre[0] / step, tensor.integers().astype(np.float64)
        bias = problem.offset(integers * along(unit, integers.ndim))
        if node.bias is not None:
            bias += node.bias
        parameters, off = requantizer(
            factor,
            bias / (step * unit) - zero * integers.reshape(len(integers), -1).sum(axis=1),
            self.fmt,
            (pre, self.scales[node.output]),
            node.function,
            None if node.added is None else self.scales[node.added][0] / pre[0],
        )
        made = Node(
            name=node.name,
            inputs=node.inputs,
            output=node.output,
            options=problem.options,
            weights=replace(tensor, scale=(tensor.scale * factor / wanted).astype(np.float32)),
            requantizer=parameters,
        )
        return made, off

    def _error(self, tensor: str) -> float:
        """Relative squared error of a tensor's codes."""
        return relative(self._floats[tensor], self._real(tensor))

    def _real(self, tensor: str) -> NDArray[np.float32]:
        """The real values of a tensor's codes."""
        return self._even(tensor) * self._gains(tensor)

    def _gains(self, tensor: str) -> NDArray[np.float32]:
        return self.gains.of(tensor).astype(np.float32)[:, None, None]

    def _even(self, tensor: str) -> NDArray[np.float32]:
        """The real values of a tensor's codes without its gains."""
        step, zero = self.scales[tensor]
        return (self._codes[tensor].astype(np.float32) - zero) * np.float32(step)

    def _report(self, node: FloatNode, tensor: StlqTensor | None, off: float) -> LayerReport:
        shape: tuple[int, ...] = () if tensor is None else tensor.shape
        weight_error, beats = 0.0, 0
        if tensor is not None and node.weight is not None:
            before_words = columns(self.gains.of(node.inputs[0]), shape, tensor.groups)
            held = tensor.dequantize() * along(self.gains.of(node.output), len(shape)) / before_words
            weight_error = relative(node.weight.reshape(shape), held)
            beats = cost(tensor, uses=uses(node, self.network.shapes)).beats
        error, worst = self._errors[node.output], max(self._errors[name] for name in node.inputs)
        return LayerReport(
            name=node.name,
            op=node.op,
            shape=shape,
            ratio=0.0 if tensor is None else tensor.two_word_ratio,
            weight_error=weight_error,
            output_error=error,
            lost=max(10 * math.log10(min(max(error, 1e-12), 1e12) / max(worst, 1e-12)), 0.0),
            beats=beats,
            off=off,
            scarce=node.name in self._scarce,
        )


@contextmanager
def named(node: FloatNode) -> Iterator[None]:
    """A refusal, or the end of memory, says which node it is about."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"node {node.name}: {error}") from error
    except MemoryError as error:
        raise MemoryError(f"node {node.name}: {error}") from error


def link(node: FloatNode) -> Link:
    """A node as gains see it."""
    bounds = node.function.bounds
    return Link(
        options=AveragePool(kernel=(1, 1)) if node.op == "activation" else node.options,
        inputs=node.inputs,
        output=node.output,
        weighted=node.weight is not None,
        scales=bounds is not None and keeps_scale(*bounds),
    )


def along(scale: NDArray[Any], axes: int) -> NDArray[Any]:
    """One number per output channel, made to broadcast against a weight with `axes` axes."""
    return scale.reshape(-1, *(1,) * (axes - 1))


def snapped(factors: NDArray[Any]) -> NDArray[np.float64]:
    """The multipliers times powers of two that are nearest to `factors`, which were such in float32."""
    exponent = np.floor(np.log2(factors * (1 + EXACT)))
    allowed = np.array([*MANTISSAS, 2.0])
    mantissa = factors / 2.0**exponent
    return allowed[np.abs(mantissa[:, None] - allowed).argmin(axis=1)] * 2.0**exponent
