"""Counting what switches: on waves written by hand, on gates that are counted by hand, and on a small array."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.array.area import flow_of, verilog_of
from benchmarks.array.designs import baseline
from benchmarks.frontier import energy, switching
from benchmarks.frontier.switching import CELLS, Switched, count
from rtl_gen import tools
from rtl_gen.errors import CheckError
from rtl_gen.yosys import Flow, netlist
from sw_ref.baseline import IntegerFormat
from sw_ref.baseline_tensor import BaselineTensor

WAVES = """\
$scope module bench $end
$var wire 1 ! A $end
$var wire 1 ! net $end
$var wire 1 " Q $end
$var wire 1 " B $end
$var wire 1 # C $end
$var wire 1 $ D $end
$var wire 8 % A [7:0] $end
$enddefinitions $end
#0
x!
0"
0#
b101 %
#5000
1!
1"
1#
#5020
0!
#12000
1!
x"
#13000
0"
"""


def test_changes_count_by_the_transistors_on_their_net() -> None:
    # ! has one input: 1 to 0 to 1 are two changes of 2 transistors. " is Q and an input: one change of 6; what becomes
    # known again is none. In the first cycle ! has changed once, in the second one once.
    assert count(WAVES.splitlines(keepends=True)) == Switched(all=10, settled=10, flip_flops=1)
    glitch = WAVES.replace("#5020\n0!\n", "#5020\n0!\n#5030\n1!\n#5040\n0!\n")
    assert count(glitch.splitlines(keepends=True)) == Switched(all=14, settled=10, flip_flops=1)


BENCH = """
module bench;
  reg clk = 0, a = 0, b = 1;
  wire y, n, q;
  always #5 clk = ~clk;
  \\$_NAND_ gate (.A(a), .B(b), .Y(y));
  \\$_NOT_ inverter (.A(y), .Y(n));
  \\$_DFF_P_ flop (.C(clk), .D(n), .Q(q));
  initial begin
    $dumpfile("waves.vcd");
    $dumpvars(0, bench);
    #22 a = 1;
    #1 a = 0;
    #1 a = 1;
    #20 $finish;
  end
endmodule
"""


def test_gates_switch_as_counted_by_hand(tmp_path: Path) -> None:
    (tmp_path / "bench.v").write_text(CELLS + BENCH)
    tools.run([tools.find("iverilog"), "-g2005", "-s", "bench", "-o", "bench.vvp", "bench.v"], folder=tmp_path)
    tools.run([tools.find("vvp"), "-n", "bench.vvp"], folder=tmp_path)
    with (tmp_path / "waves.vcd").open() as waves:
        # a, y and n change three times: 2, 2 and 4 transistors. q follows once: 4. Without glitches all change once.
        assert count(waves) == Switched(all=3 * 8 + 4, settled=8 + 4, flip_flops=1)


def test_the_nearest_codes_have_the_least_error() -> None:
    weights = np.array([[-4.0, 3.0, 1.1, -0.4], [0.2, -0.1, 0.05, 0.0]], np.float32)
    fmt = IntegerFormat(bits=3)
    found = [[fmt.weight(code) for code in row] for row in energy.codes(weights, fmt).tolist()]
    # The second row has steps of 0.2 / 3: 3 of them are 0.2, and -1.5 lie between two levels.
    assert (found[0], found[1][0], found[1][3]) == ([-4, 3, 1, 0], 3, 0)


def test_a_netlist_is_simulated_and_a_wrong_one_refused() -> None:
    fmt = IntegerFormat(bits=3, act_bits=6, act_signed=False)
    design = baseline("int3", 6, pe=1, lanes=2)[2]
    design = replace(design, config=replace(design.config, format=fmt))
    gates = netlist(verilog_of(design), design.config.name, Flow(passes=flow_of(design, energy.TARGET)))
    tensor = BaselineTensor(word1=np.array([[1, 7, 3, 4]], np.int16), format=fmt, tile=(1, 2))
    acts = np.array([[63, 1, 0, 33], [5, 5, 5, 5], [0, 0, 0, 0]])
    found = energy.simulate(design, gates, tensor, acts)
    assert (found["products"], found["beats"]) == (12, 6)
    assert found["clock"] == round(switching.CLOCK_SWITCHES * found["flip_flops"] * 6 / 12, 1)
    assert 0 < found["settled"] <= found["logic"]
    wrong = re.sub(r"\\\$_NAND_ ", r"\\$_NOR_ ", gates, count=40)
    with pytest.raises(CheckError, match=r"of the netlist are wrong|^a sum is|^the Verilog gave"):
        energy.simulate(design, wrong, tensor, acts)
