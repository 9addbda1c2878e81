"""A lane of the requantizer against its formula, proven for all inputs, from any state of its registers."""

from pathlib import Path

import pytest

from hw.component import Modules
from hw.config import ArrayConfig
from hw.engine.config import OFFSET_CYCLES, EngineConfig
from hw.engine.encoding import SCALE, Field
from hw.engine.requantizer_lane import RequantizerLane
from hw.verilog import verilog
from sw_ref.format import StlqFormat
from verif.formal.sby import prove
from verif.hw.faults import driven

PRODUCT, CODE = OFFSET_CYCLES, 3  # cycles from a step to its term, and from the sum of all terms to the code
WINDOW = PRODUCT + 1 + CODE  # cycles that a code depends on, once the sum before it is known


def config(act_bits: int, *, depth: int) -> EngineConfig:
    """An engine whose lane has codes of `act_bits` and sums of `depth` inputs."""
    fmt = StlqFormat(act_bits=act_bits, act_signed=False)
    return EngineConfig(array=ArrayConfig(format=fmt, pe=1, lanes=1, depth=depth), requant_lanes=1)


# Of the narrow one's sums nothing is left behind the longest shifts.
CONFIGS = {"narrow": config(4, depth=1), "default": config(8, depth=4096)}
FAULTS = {
    "second term with the first one's sign": driven(RequantizerLane, "inverted_late2", lambda was, at: at.negative),
    "the sum before it goes on": driven(RequantizerLane, "begins_late3", lambda was, at: 0),
    "what is above the code is lost": driven(RequantizerLane, "above_near", lambda was, at: 0),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_code_is_that_of_the_formula(name: str, tmp_path: Path) -> None:
    assert prove(tmp_path, sources(CONFIGS[name]), "proof", mode="bmc", depth=WINDOW + 1) == "PASS"


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_lane_is_refused(name: str, tmp_path: Path) -> None:
    with FAULTS[name].planted():
        broken = sources(CONFIGS["narrow"])
    assert prove(tmp_path, broken, "proof", mode="bmc", depth=WINDOW + 1) == "FAIL"


def sources(of: EngineConfig) -> dict[str, str]:
    modules = Modules()
    modules.add(RequantizerLane, of)
    return {"lane.v": verilog(modules), "proof.sv": proof(of)}


def proof(of: EngineConfig) -> str:
    """A module `proof`: each step's term, the sum over the terms, and the code of a sum.

    The sum alone outlives WINDOW cycles. So what holds for all inputs after any state holds for ever.
    """
    code, wide, acc = of.code_bits, of.product_bits, of.array.acc_bits
    inputs = {
        "x": acc,
        "added": code,
        "step": 2,
        "scale": sum(field.bits for field in SCALE.values()),
        "offset": wide + 5,
        "low": code,
        "high": code,
    }
    ports = ", ".join(f"input [{bits - 1}:0] {name}" for name, bits in inputs.items())
    held = "\n".join(f"  reg [{bits - 1}:0] {name}_was [1:{WINDOW}];" for name, bits in inputs.items())
    holds = "\n".join(
        f"    {name}_was[1] <= {name};\n    for (i = 2; i <= {WINDOW}; i = i + 1) {name}_was[i] <= {name}_was[i - 1];"
        for name in inputs
    )
    connected = ", ".join(f".{name}({name})" for name in inputs)
    return f"""\
module proof(input clk, {ports});
  // What was put in some cycles ago.
{held}
  integer i;
  reg [4:0] cycles = 0;
  always @(posedge clk) begin
    cycles <= cycles + (cycles <= {WINDOW});
{holds}
  end
  wire [{code - 1}:0] found;
  {of.name}_requantizer_lane dut(.clk(clk), .rst(1'b0), .code(found), {connected});

  always @* begin
    assume (step != 3);
    assume (step == 0 || x == 0);
    assume (low <= high);
  end

{_scale_fields()}
  // What one step adds. What is negative is a ones' complement: the offset has the missing 1.
  function signed [{wide - 1}:0] term(
    input [1:0] step, input signed [{acc - 1}:0] x, input [{code - 1}:0] added, input [{inputs["scale"] - 1}:0] scale
  );
    reg signed [{wide - 1}:0] first, second;
    begin
      first = x;
      second = x;
      first = first <<< first_shift(scale);
      second = step == 0 && second_of(scale) ? second : 0;
      if (step != 0) first = added;
      if (step == 1) first = add1(scale) ? first <<< add1_shift(scale) : 0;
      if (step == 2) first = add2(scale) ? first <<< add2_shift(scale) : 0;
      if (step == 0 ? first_negative(scale) : step == 1 ? add1_negative(scale) : add2_negative(scale))
        first = -first - 1;
      if (step == 0 && second_negative(scale)) second = -second - 1;
      term = first + second;
    end
  endfunction

  (* hierconn *) wire signed [{wide - 1}:0] \\dut.product ;
  (* hierconn *) wire signed [{wide - 1}:0] \\dut.total ;
  wire signed [{wide - 1}:0] product = \\dut.product , total = \\dut.total ;
  reg signed [{wide - 1}:0] product_was, total_was [1:{CODE}];
  always @(posedge clk) begin
    product_was <= product;
    total_was[1] <= total;
    for (i = 2; i <= {CODE}; i = i + 1) total_was[i] <= total_was[i - 1];
  end

  // Each step's term; the sum of the terms since a code's first step, and of the offset that came with that one.
  wire signed [{wide - 1}:0] start = offset_was[1][{wide - 1}:0];
  always @* if (cycles == {WINDOW}) begin
    assert (product == term(step_was[{PRODUCT}], x_was[{PRODUCT}], added_was[{PRODUCT}], scale_was[{PRODUCT}]));
    assert (total == product_was + (step_was[{PRODUCT + 1}] == 0 ? start : total_was[1]));
  end

  // The code of a sum.
  wire [4:0] shift = offset_was[{CODE + 1}][{wide + 4}:{wide}];
  wire signed [{wide - 1}:0] value = total_was[{CODE}] >>> shift;
  wire [{code - 1}:0] least = low_was[1], most = high_was[1];
  wire [{code - 1}:0] right =
    value < $signed({{1'b0, least}}) ? least : value > $signed({{1'b0, most}}) ? most : value[{code - 1}:0];
  always @* if (cycles == {WINDOW}) assert (found == right);
endmodule
"""


def _scale_fields() -> str:
    """A function for each field of a scale: its bits."""
    lines, at = [], 0
    total = sum(field.bits for field in SCALE.values())
    for name, field in SCALE.items():
        called = "second_of" if name == "second" else name
        lines.append(_field(called, total, at, field))
        at += field.bits
    return "".join(lines)


def _field(name: str, total: int, at: int, field: Field) -> str:
    return (
        f"  function [{field.bits - 1}:0] {name}(input [{total - 1}:0] scale);\n"
        f"    {name} = scale[{at + field.bits - 1}:{at}];\n  endfunction\n"
    )
