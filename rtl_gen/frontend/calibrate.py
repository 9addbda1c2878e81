"""From a float network and data to a network in integers: what `stlq convert` does."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rtl_gen.errors import UsageError
from rtl_gen.frontend.convert import Converter
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.function import Function
from rtl_gen.frontend.graph import Activation, FloatNetwork, FloatNode
from rtl_gen.frontend.losses import LayerReport
from rtl_gen.frontend.problem import blocks_of
from rtl_gen.frontend.scales import Scale, Scales, before
from rtl_gen.frontend.walk import most_held
from sw_ref.format import StlqFormat
from sw_ref.network import Network
from sw_ref.quantize.budget import share_budget
from sw_ref.quantize.moments import chosen_places

SAMPLES = 1 << 15
"""Values of each tensor that decide on its step."""
LARGEST = 1e37
"""Magnitude of a real value that float32 still has several times: codes reach further than the data."""
LIGHTEST = 1e-29
"""Magnitude of a layer's largest weight that the smallest scale still serves."""
SUMS = float(np.finfo(np.float32).max)
"""Largest sum of magnitudes that a layer may add up in float32."""
FINEST = 1e-43
"""Smallest step: float32 has no digits for multiples of less."""
HELD = 1 << 28
"""Values that are held in memory, once as real numbers and once as codes; of more data only the first part is used."""
AT_A_TIME = 1 << 25
"""Values of all tensors together of the inputs that are run at a time."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The network in integers, what became of each layer, and how many inputs it was calibrated with."""

    network: Network
    layers: tuple[LayerReport, ...]
    samples: int


# With more threads sums add up in another order, and other words may be chosen: another network on each machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def convert(
    network: FloatNetwork,
    data: Mapping[str, NDArray[Any]],
    fmt: StlqFormat,
    *,
    tile: tuple[int, int],
    ratio: float,
    budget: str = "layer",
) -> Converted:
    """`network` in integers, calibrated with `data`: arrays (batch, *shape) by input of the file.

    `fmt`: words of weights and unsigned codes.  `ratio`: the share R of two-word tiles of each layer; with budget
    "network" R of each layer is where second words save most, in the cycles that `ratio` everywhere would take.

    Raises :class:`UsageError` for a network without nodes, and for values or scales out of reach.
    """
    if not network.nodes:
        raise UsageError("the network computes nothing before its host's part; allowed: one layer or more")
    count = min(min(len(array) for array in data.values()), max(HELD // most_held(network), 1))
    data = {name: array[:count] for name, array in data.items()}
    runner = Runner(with_tables_apart(network))
    samples = sampled(runner, data, count)
    scales = Scales(network=network, samples=samples, fmt=fmt).search()
    _check_steps(scales)
    ratios: dict[str, float] = {node.name: ratio for node in network.nodes if node.weight is not None}
    inputs = runner.tensors(data, [port.tensor for port in network.inputs])
    del runner  # It holds all weights once more.
    parts: dict[str, Any] = {"network": network, "fmt": fmt, "tile": tile, "scales": scales, "inputs": inputs}
    if budget == "network" and 0 < ratio < 1:
        ratios = share_budget(Converter(ratios=ratios, **parts).demands(), ratio)
    converter = Converter(ratios=ratios, **parts)
    made = converter.convert()
    return Converted(network=made, layers=tuple(converter.reports), samples=count)


def with_tables_apart(network: FloatNetwork) -> FloatNetwork:
    """The same network with every function that takes a table in a node of its own, so that its input can be seen."""
    shapes = dict(network.shapes)

    def nodes() -> Iterator[FloatNode]:
        for node in network.nodes:
            name = before(node)
            if name == node.output or node.op == "activation":
                yield node
                continue
            shapes[name] = shapes[node.output]
            yield replace(node, output=name, function=Function())
            yield FloatNode(name=name, options=Activation(), inputs=(name,), output=node.output, function=node.function)

    apart = tuple(nodes())
    return replace(network, nodes=apart, shapes=shapes)


def sampled(runner: Runner, data: Mapping[str, NDArray[Any]], count: int) -> dict[str, NDArray[np.float32]]:
    """Some values of every tensor for `count` inputs, its extremes among them; they are run a few at a time.

    Raises :class:`UsageError` for a tensor that the data make infinite, undefined, or too large for float32, or may do
    so on the way.
    """
    sizes = {name: math.prod(shape) for name, shape in runner.network.shapes.items()}
    places = {name: chosen_places(count * size, SAMPLES) for name, size in sizes.items()}
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in sizes}
    ends: dict[str, list[float]] = {name: [] for name in sizes}
    step = max(AT_A_TIME // sum(sizes.values()), 1)
    for start in range(0, count, step):
        some = {name: array[start : min(start + step, count)] for name, array in data.items()}
        for name, values in runner.tensors(some, sizes).items():
            first, last = np.searchsorted(places[name], (start * sizes[name], start * sizes[name] + values.size))
            parts[name].append(values.reshape(-1)[places[name][first:last] - start * sizes[name]])
            ends[name] += [float(values.min()), float(values.max())]
    for name, extremes in ends.items():
        _check_range(name, float(np.min(extremes)), float(np.max(extremes)))  # NaN if any of them is
        parts[name].append(np.array([min(extremes), max(extremes)], np.float32))
    for node in runner.network.nodes:
        if node.weight is not None:
            _check_sums(node, max(map(abs, ends[node.inputs[0]])))
            _check_weights(node)
            _check_kernel(node)
    return {name: np.concatenate(some) for name, some in parts.items()}


def _check_range(name: str, least: float, most: float) -> None:
    if not (least >= -LARGEST and most <= LARGEST):
        raise UsageError(
            f"tensor {name} of the float network goes from {least:.3g} to {most:.3g} for the calibration data; "
            f"allowed: numbers up to {LARGEST:g}"
        )


def _check_steps(scales: Mapping[str, Scale]) -> None:
    for name, (step, _) in scales.items():
        if step < FINEST:
            raise UsageError(
                f"tensor {name} of the float network has values so small that its step is {step:.3g}; "
                f"allowed: {FINEST:g} or more, or only zeros"
            )


def _check_sums(node: FloatNode, largest: float) -> None:
    """A function that clips hides a sum that was infinite."""
    assert node.weight is not None
    weights = np.abs(node.weight).reshape(len(node.weight), -1).sum(axis=1, dtype=np.float64).max()
    if not weights * largest <= SUMS:
        raise UsageError(
            f"node {node.name} of the float network: its weights times {largest:.3g}, its largest input, add up to "
            f"{weights * largest:.3g}; allowed: numbers up to {SUMS:.3g}"
        )


def _check_weights(node: FloatNode) -> None:
    """Scales, as values, reach up to LARGEST only; below LIGHTEST there are none."""
    assert node.weight is not None
    heaviest = float(np.abs(node.weight).max())
    if heaviest > LARGEST:
        raise UsageError(
            f"node {node.name} of the float network has a weight of magnitude {heaviest:.3g}; "
            f"allowed: numbers up to {LARGEST:g}"
        )
    if 0 < heaviest < LIGHTEST:
        raise UsageError(
            f"node {node.name} of the float network has no weight above {heaviest:.3g}; "
            f"allowed: one of {LIGHTEST:g} or more, or only zeros"
        )


def _check_kernel(node: FloatNode) -> None:
    assert node.weight is not None
    try:
        blocks_of(1, math.prod(node.weight.shape[2:]), getattr(node.options, "groups", 1))
    except UsageError as error:
        raise UsageError(f"node {node.name} of the float network: {error}") from error
