"""How a network's input lies: so that the layer that reads it takes fewest cycles."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from hw.engine.config import EngineConfig
from rtl_gen.compiler.bands import Bands, candidates
from rtl_gen.compiler.fold import PLAIN, Folding, pass_cost
from rtl_gen.compiler.transfers import folded_pairs
from sw_ref.network import Conv, Network, Node


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
    groups = -(-node.weight_shape[0] // config.array.pe)
    found: list[tuple[int, First]] = []
    words = -(-shape[0] // lanes)
    bands = list(candidates(windows, shape[0], lanes)) if gather and words == 1 else []
    for folding in _foldings(shape, lanes):
        # Codes come alone or in pairs.
        codes = math.prod(shape) // (1 + (config.codes_per_transfer > 1 and folded_pairs(*folding)))
        found.append((codes + groups * pass_cost(windows, folding, words, steps), First(folding=folding)))
        found += [(codes + made.cost(folding, groups, steps), First(folding=folding, bands=made)) for made in bands]
    return min(found, key=lambda one: (one[0], one[1].bands is not None, one[1].folding))[1]


def _may_fold(node: Node, name: str) -> bool:
    return isinstance(node.options, Conv) and node.options.groups == 1 and node.inputs == (name,)


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
