"""How a network's input lies: so that the layer that reads it takes fewest cycles."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from rtl_gen.compiler.bands import Bands, candidates
from rtl_gen.compiler.fold import PLAIN, Folding, pass_cost
from rtl_gen.compiler.transfers import folded_pairs
from sw_ref.network import Conv, Network, Node
from sw_ref.network.convolution import kernel_of


@dataclass(frozen=True, kw_only=True)
class First:
    """The input's `folding`; `bands`: what the layer reads instead, if it does not read the input itself."""

    folding: Folding = PLAIN
    bands: Bands | None = None


def choose(network: Network, name: str, config: EngineConfig, *, gather: bool) -> First:
    """What costs fewest cycles; an input that others read, too, is neither folded nor gathered.

    `gather`: there may be bands.
    """
    readers = [node for node in network.nodes if name in node.inputs]
    if len(readers) != 1 or name in network.outputs or not _may_fold(readers[0], name):
        return First()
    node, shape, lanes = readers[0], network.tensors[name].shape, config.array.lanes
    options, steps = node.options, config.requant_steps
    assert isinstance(options, Conv)
    windows = options.windows(shape, node.weight_shape)
    second = _second_words(node, config.array.pe)
    found: list[tuple[int, First]] = []
    bands = list(candidates(windows, shape[0], lanes)) if gather and shape[0] <= lanes else []
    for folding in _foldings(shape, lanes):
        # Codes come alone or in pairs.
        codes = math.prod(shape) // (1 + (config.pairs and folded_pairs(*folding)))
        found.append((codes + pass_cost(windows, folding, second, lanes, steps), First(folding=folding)))
        found += [(codes + made.cost(folding, second, steps), First(folding=folding, bands=made)) for made in bands]
    return min(found, key=lambda one: (one[0], one[1].bands is not None, one[1].folding))[1]


def _may_fold(node: Node, name: str) -> bool:
    return isinstance(node.options, Conv) and node.options.groups == 1 and node.inputs == (name,)


def _second_words(node: Node, pe: int) -> NDArray[np.int8]:
    """(groups, channels, rows, columns): whether a weight of a group has a second word."""
    assert node.weights is not None
    second = node.weights.word2.reshape(*node.weight_shape[:2], *kernel_of(node.weight_shape)) != 0
    return np.logical_or.reduceat(second, range(0, len(second), pe)).astype(np.int8)


def _foldings(shape: tuple[int, int, int], lanes: int) -> Iterator[Folding]:
    for rows, columns in product(range(1, lanes + 1), repeat=2):
        if (rows, columns) == (1, 1):
            yield PLAIN
        elif rows * columns * shape[0] <= lanes and shape[2] % columns == 0:
            for phase in product(_starts(rows, shape[1]), _starts(columns, shape[2])):
                yield (rows, columns), phase


def _starts(fold: int, size: int) -> list[int]:
    """How many pixels may come before the first one: what loops with additions alone can follow."""
    return [0, 1] if fold == 2 and size % 2 == 0 else [0]
