"""The decoder of a lane against ``term(word) * act``, proven for all words and activations of every format."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest
from amaranth import Mux

from hw.array.decoder import Decoder, last_shifts, last_step, shifted_shape
from hw.component import Modules
from hw.verilog import verilog
from sw_ref.format import StlqFormat, parameters_of
from verif.formal.sby import prove_logic
from verif.formal.terms import times_term
from verif.hw.faults import driven

PARAMETERS = {name: rule.values or () for name, rule in parameters_of(StlqFormat).items()}
FORMATS = [
    StlqFormat(bits=bits, act_bits=act_bits, act_signed=signed)
    for bits, act_bits, signed in product(PARAMETERS["bits"], PARAMETERS["act_bits"], (True, False))
]


FAULTS = {
    "zero": driven(Decoder, "zero", lambda was, at: 0),
    "sign": driven(Decoder, "negative", lambda was, at: at.word[1]),
    "shifted": driven(Decoder, "shifted", lambda was, at: was << 1),
    "select": driven(Decoder, "amount", lambda was, at: Mux(at.word[1], at.word[:-1], -at.word[:-1])),
}


def lanes(indices: Iterable[int]) -> str:
    """The Verilog of the lanes of some of FORMATS, by their index."""
    modules = Modules()
    for index in indices:
        modules.add(Decoder, FORMATS[index], 1, f"lane{index}")
    return verilog(modules)


def test_every_lane_is_its_term_times_the_activation(tmp_path: Path) -> None:
    sources = {"lanes.v": lanes(range(len(FORMATS))), "all.sv": all_lanes()}
    assert prove_logic(tmp_path, sources, "all") == ("PASS", 2 * len(FORMATS))


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_lane_is_no_such_product(name: str, tmp_path: Path) -> None:
    index = FORMATS.index(StlqFormat(bits=3, act_bits=16))
    with FAULTS[name].planted():
        broken = lanes([index])
    sources = {"lanes.v": broken, "all.sv": one_lane(index) + top([index])}
    assert prove_logic(tmp_path, sources, "all") == ("FAIL", 2)


def all_lanes() -> str:
    """A module `all` that checks the lanes of all FORMATS."""
    return "".join(map(one_lane, range(len(FORMATS)))) + top(range(len(FORMATS)))


def top(indices: Iterable[int]) -> str:
    """The module `all`: every lane with words and activations of its own."""
    ports = ", ".join(f"input [4:0] word{i}, input [15:0] act{i}" for i in indices)
    checks = "\n".join(f"  check{i} check{i}(.word(word{i}), .act(act{i}));" for i in indices)
    return f"module all({ports});\n{checks}\nendmodule\n"


def one_lane(index: int) -> str:
    """A module that checks the lane of FORMATS[index] for its inputs' low bits."""
    fmt = FORMATS[index]
    shifted, width = shifted_shape(fmt).width, fmt.act_bits + fmt.levels + 1
    select_bits, step = (last_shifts(fmt) - 1).bit_length(), last_step(fmt)
    signed = "signed" if fmt.act_signed else ""
    return f"""\
module check{index}(input [{fmt.bits - 1}:0] word, input {signed} [{fmt.act_bits - 1}:0] act);
{times_term(fmt, width)}
  wire zero, negative;
  wire [{select_bits - 1}:0] select;
  wire {signed} [{shifted - 1}:0] shifted;
  lane{index}_decoder dut(
    .word(word), .acts(act), .zero(zero), .negative(negative), .shifted(shifted), .select(select)
  );
  wire signed [{width - 1}:0] wide = shifted;
  wire signed [{width - 1}:0] product = wide <<< ({step} * select);
  always @* assert ((zero ? 0 : negative ? -product : product) == times_term(word, act));
  always @* assert (!zero || !negative && !select);
endmodule
"""
