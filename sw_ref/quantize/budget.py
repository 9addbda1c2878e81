"""Budgets of cycles for second words: of a layer's tiles, and of a whole network's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.grouped import Streamed
from sw_ref.tiling import Selection


def afford(worth: NDArray[Any], costs: NDArray[Any], budget: int) -> NDArray[np.bool_]:
    """Flags of the tiles that are worth most per cost, as many as `budget` pays for; shape of `worth`.

    Where a tile no longer fits, smaller ones may.  Of equal tiles the first in C order goes first.

    >>> afford(np.array([4.0, 9.0, 2.0]), np.array([1, 3, 1]), 3).tolist()
    [True, False, True]
    """
    prices, flags = costs.reshape(-1), np.zeros(worth.size, bool)
    order = np.argsort(-worth.reshape(-1) / prices, kind="stable")
    spent = np.cumsum(prices[order])
    fitting = int(np.searchsorted(spent, budget, side="right"))
    flags[order[:fitting]] = True
    left, least = budget - int(spent[fitting - 1] if fitting else 0), int(prices.min(initial=1))
    for tile in order[fitting:].tolist():
        if left < least:
            break
        if prices[tile] <= left:
            flags[tile] = True
            left -= int(prices[tile])
    return flags.reshape(worth.shape)


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The worth of second words to a layer: `gains` of its tiles, the tiles that are streamed for them, and how often
    these are used for one input.
    """

    gains: NDArray[np.float64]
    streamed: Streamed
    uses: int


def share_budget(demands: Mapping[str, Demand], ratio: float) -> dict[str, float]:
    """R of the streamed tiles, by layer: the tiles of all layers that gain most per beat.

    They take as many beats as `ratio` of each layer's streamed tiles would, or less: where tiles of a grouped layer
    share a tile that is streamed, each counts it.  What gains nothing gets nothing.
    """
    layers = list(demands.values())
    costs = [demand.streamed.costs * demand.uses for demand in layers]
    budget = sum(Selection(ratio=ratio).count(demand.streamed.count) * demand.uses for demand in layers)
    gains = np.concatenate([demand.gains.reshape(-1) for demand in layers])
    flags = afford(gains, np.concatenate([cost.reshape(-1) for cost in costs]), budget) & (gains > 0)
    own = np.split(flags, np.cumsum([demand.gains.size for demand in layers])[:-1])
    return {
        name: min(int(demand.streamed.costs.reshape(-1)[chosen].sum()), demand.streamed.count) / demand.streamed.count
        for (name, demand), chosen in zip(demands.items(), own, strict=True)
    }
