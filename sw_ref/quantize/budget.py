"""One budget of cycles for the second words of a whole network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sw_ref.tiling import Selection


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The worth of second words to a layer: `gains` of its tiles, and the `beats` that one of them costs."""

    gains: NDArray[np.float64]
    beats: int


def share_budget(demands: Mapping[str, Demand], ratio: float) -> dict[str, float]:
    """R by layer: the tiles of all layers that gain most per beat, as many as the beats of `ratio` of each layer allow.

    Where a tile no longer fits, smaller ones may.  Of equal tiles the first layer's go first.
    """
    layers = list(demands.values())
    worth = np.concatenate([demand.gains.reshape(-1) / demand.beats for demand in layers])
    owner = np.repeat(np.arange(len(layers)), [demand.gains.size for demand in layers])
    left = sum(Selection(ratio=ratio).count(demand.gains.size) * demand.beats for demand in layers)
    taken = np.zeros(len(layers), np.int64)
    for tile in np.argsort(-worth, kind="stable"):
        cost = layers[owner[tile]].beats
        if cost <= left and worth[tile] > 0:
            taken[owner[tile]] += 1
            left -= cost
    return {name: int(count) / demand.gains.size for (name, demand), count in zip(demands.items(), taken, strict=True)}
