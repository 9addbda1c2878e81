"""The regression reaches every line and almost every bin; `python -m verif.campaign coverage` closes the rest."""

from pathlib import Path

from verif.campaign.coverage import find_constants, is_impossible, make_full_trace, read_coverage
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


def test_constants_and_what_they_close_do_not_count(tmp_path: Path) -> None:
    device = """\
module part(input clk, input [1:0] a, input never, output reg [1:0] sum, output [1:0] low);
  wire [2:0] wide = {a, 1'b0} + 3'b010;
  assign low = wide[1:0];
  always @(posedge clk)
    if (never) sum <= 2'b00;
    else if (a[0]) sum <= wide[2:1];
endmodule
module top(input clk, input [1:0] a, output [1:0] sum, output [1:0] low);
  part pe0 (.clk(clk), .a(a), .never(1'b0), .sum(sum), .low(low));
endmodule
"""
    (tmp_path / "design.v").write_text(device)
    constants, lines = find_constants("top", tmp_path), device.splitlines()
    assert constants["replay.dut.pe* never"] == constants["replay.dut.pe* wide[0]"] == "0"

    def impossible(line: int, what: str) -> bool:
        return is_impossible(f"replay.dut.pe* line {line} {what}", constants, lines)

    assert impossible(1, "never:0->1")
    assert impossible(2, "wide[0]:1->0")
    assert impossible(5, "elsif")
    assert not impossible(2, "wide[1]:1->0")
    assert not impossible(6, "if")
    assert not is_impossible("replay.dut line 8 a[0]:0->1", constants, lines)
