"""`term(word) * act` as a Verilog function: a table of constants, so that it shares no trick with the hardware."""

from sw_ref.format import StlqFormat


def times_term(fmt: StlqFormat, width: int) -> str:
    """A Verilog function ``times_term(word, act)`` with a result of `width` bits, signed."""
    signed = "signed" if fmt.act_signed else ""
    rows = "\n".join(
        f"      {fmt.bits}'d{code % (1 << fmt.bits)}: times_term = wide * ({fmt.term(code)});" for code in fmt.codes
    )
    return f"""\
  function signed [{width - 1}:0] times_term(input [{fmt.bits - 1}:0] word, input {signed} [{fmt.act_bits - 1}:0] act);
    reg signed [{width - 1}:0] wide;
    wide = act;
    case (word)
{rows}
    endcase
  endfunction
"""
