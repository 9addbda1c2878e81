"""Replays a trace on a design in Icarus Verilog or Verilator, and says where it first goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtl_gen import tools
from rtl_gen.errors import CheckError
from verif.hw.trace import Cycle, Trace

TOP = "replay"
INPUTS, OUTPUTS = "inputs.hex", "outputs.hex"

TEMPLATE = """\
`timescale 1ns / 1ps
// Variant by variant: every cycle of the trace, until an output is wrong.  What must not count is unknown.
module {top};
  reg [{inputs}-1:0] inputs [0:{cycles}-1];
  reg [{outputs}-1:0] outputs [0:{cycles}-1];
  reg clk = 0, known, sums_known;
  reg [2:0] control;
  reg [{sums}-1:0] payload;
  reg rst, tiles__valid, acts__valid, sums__ready;
  reg [{tiles}-1:0] tiles__payload, ignored;
  reg [{acts}-1:0] acts__payload;
  wire tiles__ready, acts__ready, sums__valid;
  wire [{sums}-1:0] sums__payload;
  integer first, last, variant, cycle, wrong;
  reg [31:0] select;
  {name} dut (
    .clk(clk), .rst(rst),
    .tiles__valid(tiles__valid), .tiles__ready(tiles__ready), .tiles__payload(tiles__payload),
    .acts__valid(acts__valid), .acts__ready(acts__ready), .acts__payload(acts__payload),
    .sums__valid(sums__valid), .sums__ready(sums__ready), .sums__payload(sums__payload){select}
  );
  initial begin
    $readmemh("{inputs_file}", inputs);
    $readmemh("{outputs_file}", outputs);
    if (!$value$plusargs("first=%d", first)) first = 0;
    if (!$value$plusargs("last=%d", last)) last = 0;
    for (variant = first; variant <= last; variant = variant + 1) begin
      select = variant;
      wrong = -1;
      for (cycle = 0; cycle < {cycles} && wrong < 0; cycle = cycle + 1) begin
        {{rst, tiles__valid, tiles__payload, ignored, acts__valid, acts__payload, sums__ready}} = inputs[cycle];
        {{known, control, payload}} = outputs[cycle];
`ifndef VERILATOR  // which knows no x, and gets the noise
        if (rst || !tiles__valid) ignored = {{{tiles}{{1'b1}}}};
        tiles__payload = (tiles__payload & ~ignored) | ({{{tiles}{{1'bx}}}} & ignored);
        if (rst || !acts__valid) acts__payload = {{{acts}{{1'bx}}}};
`endif
        #5;
        if (known && control !== {{tiles__ready, acts__ready, sums__valid}}) wrong = cycle;
        if (known && control[0] && payload !== sums__payload) wrong = cycle;
        clk = 1;
        #5;
        clk = 0;
      end
      $display("variant %0d: %0d", variant, wrong);
    end
    $finish;
  end
endmodule
"""


@dataclass(frozen=True)
class Replay:
    """A compiled bench; made by :func:`compile_replay`."""

    folder: Path
    command: list[str]

    def __call__(self, first: int = 0, last: int = 0) -> list[int | None]:
        """For each variant of the design, the first cycle in which an output is wrong, or None: all are right."""
        said = tools.run([*self.command, f"+first={first}", f"+last={last}"], folder=self.folder).splitlines()
        found = [line.split() for line in said if line.startswith("variant ")]
        if [words[1] for words in found] != [f"{variant}:" for variant in range(first, last + 1)]:
            raise CheckError(f"the replay of variants {first} to {last} told of {len(found)}")
        return [None if words[2] == "-1" else int(words[2]) for words in found]


def compile_replay(
    trace: Trace, verilog: str, folder: Path, *, sim: str = "icarus", variants: int = 0, options: Sequence[str] = ()
) -> Replay:
    """Compile the design `verilog` with `trace`; one with variants has an input `variant` of `variants` bits.

    `options` are more of the simulator's own.
    Raises :class:`CheckError` if the simulator is missing or refuses the design.
    """
    folder.mkdir(parents=True, exist_ok=True)
    widths = trace.config.payload_bits
    bench = TEMPLATE.format(
        top=TOP,
        name=trace.config.name,
        cycles=len(trace.cycles),
        inputs=2 * widths["tiles"] + widths["acts"] + 4,
        outputs=widths["sums"] + 4,
        inputs_file=INPUTS,
        outputs_file=OUTPUTS,
        select=f", .variant(select[{variants - 1}:0])" if variants else "",
        **widths,
    )
    (folder / "design.v").write_text(verilog)
    (folder / "replay.v").write_text(bench)
    (folder / INPUTS).write_text("".join(f"{_inputs(cycle, **widths):x}\n" for cycle in trace.cycles))
    (folder / OUTPUTS).write_text("".join(f"{_outputs(cycle, widths['sums']):x}\n" for cycle in trace.cycles))
    return Replay(folder, {"icarus": _icarus, "verilator": _verilator}[sim](folder, options))


def _inputs(cycle: Cycle, *, tiles: int, acts: int, sums: int) -> int:
    row = cycle.rst << 1 | cycle.tiles_valid
    row = ((row << tiles | cycle.tiles) << tiles | cycle.ignored) << 1 | cycle.acts_valid
    return (row << acts | cycle.acts) << 1 | cycle.sums_ready


def _outputs(cycle: Cycle, sums: int) -> int:
    row = cycle.known << 3 | cycle.tiles_ready << 2 | cycle.acts_ready << 1 | (cycle.sums is not None)
    return row << sums | (cycle.sums or 0)


def _icarus(folder: Path, options: Sequence[str]) -> list[str]:
    compiler, runtime = tools.find("iverilog"), tools.find("vvp")
    tools.run([compiler, "-g2012", *options, "-s", TOP, "-o", "replay.vvp", "replay.v", "design.v"], folder=folder)
    return [runtime, "-n", "replay.vvp"]


def _verilator(folder: Path, options: Sequence[str]) -> list[str]:
    program, env = tools.verilator_command()
    command = [program, "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "--top-module", TOP, "--Mdir", "obj"]
    command += ["-CFLAGS", "-std=c++20 -fcoroutines -O1", *options]
    tools.run([*command, "replay.v", "design.v"], folder=folder, env=env)
    return [str(folder.resolve() / "obj" / f"V{TOP}")]
