"""From a float network and data to a network in integers: what `stlq convert` does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.convert import Converter
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.function import Function
from rtl_gen.frontend.graph import Activation, FloatNetwork, FloatNode
from rtl_gen.frontend.losses import LayerReport
from rtl_gen.frontend.scales import Scales, before
from sw_ref.format import StlqFormat
from sw_ref.network import Network
from sw_ref.quantize.budget import share_budget
from sw_ref.quantize.moments import chosen_places

SAMPLES = 1 << 15
"""Values of each tensor that decide on its step."""
LARGEST = 1e15
"""Magnitude of a real value whose squares still add up in float32."""
HELD = 1 << 28
"""Values of all tensors together that are held in memory; of more calibration data only the first part is used."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The network in integers, what became of each layer, and how many inputs it was calibrated with."""

    network: Network
    layers: tuple[LayerReport, ...]
    samples: int


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
    size = sum(int(np.prod(shape)) for shape in network.shapes.values())
    count = min(min(len(array) for array in data.values()), max(HELD // size, 1))
    data = {name: array[:count] for name, array in data.items()}
    apart = with_tables_apart(network)
    names = [*apart.shapes]
    floats = Runner(apart).tensors(data, names)
    _check_range(floats)
    samples = {name: _sample(values) for name, values in floats.items()}
    for name in names:
        if name not in network.shapes:
            del floats[name]
    scales = Scales(network=network, samples=samples, fmt=fmt).search()
    ratios: dict[str, float] = {node.name: ratio for node in network.nodes if node.weight is not None}
    parts: dict[str, Any] = {"network": network, "fmt": fmt, "tile": tile, "scales": scales, "floats": floats}
    if budget == "network" and 0 < ratio < 1:
        planner = Converter(ratios=ratios, **parts)
        ratios = share_budget({n.name: planner.demand(n) for n in network.nodes if n.name in ratios}, ratio)
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


def _check_range(floats: Mapping[str, NDArray[np.float32]]) -> None:
    """Raise :class:`UsageError` for a tensor that the data make infinite, undefined, or too large for its squares."""
    for name, values in floats.items():
        least, most = float(values.min()), float(values.max())  # NaN if any of them is
        if not (least >= -LARGEST and most <= LARGEST):
            raise UsageError(
                f"tensor {name} of the float network goes from {least:.3g} to {most:.3g} for the calibration data; "
                f"allowed: numbers up to {LARGEST:g}"
            )


def _sample(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Some of the values, the extremes among them."""
    some = values.reshape(-1)[chosen_places(values.size, SAMPLES)]
    return np.concatenate([some, [values.min(), values.max()]]).astype(np.float32)
