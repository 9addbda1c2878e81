"""Budgets of cycles, by hand."""

import numpy as np
import pytest

from sw_ref.grouped import Streamed
from sw_ref.quantize.budget import Demand, afford, share_budget


def demand(*gains, uses, shape=None, groups=1):
    """A layer of tiles of 8 x 8 (default: a matrix of one row of them) with these gains."""
    streamed = Streamed.of(shape or (8, 8 * len(gains)), (8, 8), groups)
    return Demand(gains=np.array(gains, float).reshape(streamed.grid), streamed=streamed, uses=uses)


def test_what_gains_most_per_beat_goes_first():
    demands = {"cheap": demand(8, 1, 3, 3, uses=1), "dear": demand(40, 4, 4, 4, uses=10)}
    # A quarter of each: 1 * 1 + 1 * 10 = 11 beats.  Worth 8, 4 (for 10 beats): 11 beats.
    assert share_budget(demands, 0.25) == {"cheap": 0.25, "dear": 0.25}


def test_smaller_tiles_fill_what_is_left():
    demands = {"cheap": demand(1, 1, 1, 0, uses=1), "dear": demand(100, 90, uses=2)}
    # Half of each: 2 + 2 = 4 beats; both of the dear ones are worth more.
    assert share_budget(demands, 0.5) == {"cheap": 0.0, "dear": 1.0}
    # A quarter: 1 + 2 = 3 beats (half a tile counts as one): one dear, one cheap.
    assert share_budget(demands, 0.25) == {"cheap": 0.25, "dear": 0.5}


def test_what_gains_nothing_gets_nothing():
    assert share_budget({"one": demand(0, 0, 0, 0, uses=1)}, 0.5) == {"one": 0.0}


def test_tiles_of_a_grouped_layer_cost_all_that_are_streamed_for_them():
    # 24 channels in 4 groups of 6, tiles of 8 x 8: rows of tiles read channels 0-11, 6-17, 12-23: 2, 3, 2 tiles.
    grouped = demand(6, 8, 3, uses=1, shape=(24, 6), groups=4)
    assert (grouped.streamed.costs.reshape(-1).tolist(), grouped.streamed.count) == ([2, 3, 2], 7)
    # 0.4 of 7 tiles and of 5: 3 + 2 beats.  Per beat 3, 2.7, 1.5 and 2.9, 2, 1, 1, 1: 2 beats, 1, and then 1 and 1.
    found = share_budget({"grouped": grouped, "dense": demand(2.9, 2, 1, 1, 1, uses=1)}, 0.4)
    assert found == {"grouped": 2 / 7, "dense": 3 / 5}


@pytest.mark.parametrize(("budget", "chosen"), [(0, []), (1, [3]), (3, [1]), (4, [1, 3]), (5, [0, 1]), (6, [0, 1, 3])])
def test_afford(budget, chosen):
    flags = afford(np.array([[4.0, 9.0], [0.0, 1.0]]), np.array([[2, 3], [9, 1]]), budget)
    assert np.flatnonzero(flags).tolist() == chosen


def test_equal_tiles_go_in_order():
    assert afford(np.ones((2, 3)), np.ones((2, 3), int), 4).tolist() == [[True, True, True], [True, False, False]]
