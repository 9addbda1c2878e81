"""The netlist that Yosys makes of a design: one module of mapped cells."""

from rtl_gen.yosys import Flow, netlist

DESIGN = """
module inner(input a, output b); assign b = ~a; endmodule
module outer(input clk, input a, output reg q); wire b; inner i(.a(a), .b(b)); always @(posedge clk) q <= b; endmodule
"""


def test_a_netlist_has_mapped_cells_alone() -> None:
    text = netlist(DESIGN, "outer", Flow(passes="techmap; abc -g AND; opt_clean"))
    assert text.count("endmodule") == 1
    assert all(cell in text for cell in ("$_NOT_", "$_DFF_P_"))
    assert "always" not in text
    assert "(*" not in text
