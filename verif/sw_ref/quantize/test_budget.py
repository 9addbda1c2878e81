"""One budget of cycles for a network, by hand."""

import numpy as np

from sw_ref.quantize.budget import Demand, share_budget


def test_what_gains_most_per_beat_goes_first():
    demands = {
        "cheap": Demand(gains=np.array([[8.0, 1.0], [3.0, 3.0]]), beats=1),
        "dear": Demand(gains=np.array([40.0, 4.0, 4.0, 4.0]), beats=10),
    }
    # A quarter of each: 1 * 1 + 1 * 10 = 11 beats.  Worth 8, 4 (for 10 beats): 11 beats.
    assert share_budget(demands, 0.25) == {"cheap": 0.25, "dear": 0.25}


def test_smaller_tiles_fill_what_is_left():
    demands = {
        "cheap": Demand(gains=np.array([1.0, 1.0, 1.0, 0.0]), beats=1),
        "dear": Demand(gains=np.array([100.0, 90.0]), beats=2),
    }
    # Half of each: 2 + 2 = 4 beats; both of the dear ones are worth more.
    assert share_budget(demands, 0.5) == {"cheap": 0.0, "dear": 1.0}
    # A quarter: 1 + 2 = 3 beats (half a tile counts as one): one dear, one cheap.
    assert share_budget(demands, 0.25) == {"cheap": 0.25, "dear": 0.5}


def test_what_gains_nothing_gets_nothing():
    demands = {"one": Demand(gains=np.zeros(4), beats=1)}
    assert share_budget(demands, 0.5) == {"one": 0.0}
