"""The regression reaches every line and almost every bin; `python -m verif.campaign coverage` closes the rest."""

from verif.campaign.coverage import make_full_trace, read_coverage
from verif.campaign.functional import Bin, all_bins, bins_of
from verif.hw.configs import CONFIGS
from verif.hw.trace import Trace, make_trace

CONFIG = CONFIGS["default"]


def test_the_regression_reaches_almost_every_bin(seed: int) -> None:
    wanted, reached = all_bins(CONFIG), bins_of(make_trace(CONFIG, seed))
    assert len(wanted) == 8 * 4 * 3 * 2 * 2 * 2
    assert reached <= wanted
    assert len(reached) > 0.9 * len(wanted)


def test_a_longer_trace_reaches_all(seed: int) -> None:
    trace, missing = make_full_trace(CONFIG, seed)
    assert missing == set()
    assert bins_of(trace) == all_bins(CONFIG)


def test_what_was_not_run_is_not_reached(seed: int) -> None:
    trace = make_trace(CONFIG, seed, rounds=1)
    calm = Trace(CONFIG, trace.rng, [cycle for cycle in trace.cycles if cycle.sums_ready])
    assert not any(one.sums_wait for one in bins_of(calm))
    assert bins_of(Trace(CONFIG, trace.rng)) == set()
    assert Bin(1, "max", "residual word", last=False, waited=False, sums_wait=False) in bins_of(calm)


def test_points_of_the_device_are_counted_by_kind() -> None:
    def point(kind: str, where: str, what: str, count: int) -> str:
        fields = {"f": "design.v", "l": "14", "n": "1", "t": kind, "page": "p", "o": what, "h": where}
        return f"C '{''.join(f'{chr(1)}{key}{chr(2)}{value}' for key, value in fields.items())}' {count}"

    lines = [
        point("toggle", "replay.dut", "a:0->1", 3),
        point("toggle", "replay.dut.pe0", "b:0->1", 0),
        point("line", "replay.dut", "block", 1),
        point("line", "replay", "bench", 0),
    ]
    found = read_coverage("# SystemC::Coverage-3\n" + "\n".join(lines) + "\n")
    assert {kind: sorted(points.values()) for kind, points in found.items()} == {
        "line": [1],
        "branch": [],
        "toggle": [0, 3],
    }
