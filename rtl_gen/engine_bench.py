"""A plain Verilog test bench that feeds an engine programs and inputs, and tells all that it writes and when."""

import re
from dataclasses import dataclass

from hw.engine.config import EngineConfig
from rtl_gen.testbench import RANDOM, WAVES, Stalls, top_of

PROGRAM, INPUTS, OUTPUTS, WRITES = "program.hex", "inputs.hex", "outputs.txt", "writes.txt"

TEMPLATE = """\
`timescale 1ns / 1ps
// Runs {program} once for each image on {name}; {inputs} has the images one after the other.
module {top};
  reg clk = 0;
  reg rst = 1;
  always #5 clk = ~clk;

  reg [{bus_high}:0] program_data [0:{program_words}-1];
  reg [{bus_high}:0] inputs_data [0:{inputs_words}-1];
  // How much of them a run uses; percent of the cycles in which a stream pauses; cycles in which nothing may move.
  integer images, program_words, inputs_words, stalls, patience;
  // The jobs whose waves are wanted, if any.
  integer waves_first = -1, waves_last = -1;
  integer word = 0, pass = 0, code = 0, done = 0, cycle = 0, quiet = 0, jobs = 0;
  integer outputs_file, writes_file;

  reg program_valid = 0, inputs_valid = 0, outputs_ready = 0, was_busy = 0;
  wire program_ready, inputs_ready, outputs_valid, busy;
  wire [{bus_high}+1:0] outputs_payload;
  wire [3:0] error;

  {name} engine (
    .clk(clk), .rst(rst), .busy(busy), .error(error),
    .program__valid(program_valid), .program__ready(program_ready), .program__payload(program_data[word]),
    .inputs__valid(inputs_valid), .inputs__ready(inputs_ready), .inputs__payload(inputs_data[code]),
    .outputs__valid(outputs_valid), .outputs__ready(outputs_ready), .outputs__payload(outputs_payload)
  );

{random}
  reg [31:0] program_random, inputs_random, outputs_random;

  wire program_moves = program_valid & program_ready;
  wire inputs_moves = inputs_valid & inputs_ready;
  wire outputs_moves = outputs_valid & outputs_ready;
  wire program_last = pass == images - 1 && word == program_words - 1;
  wire inputs_last = code == inputs_words - 1;
  wire writes = |engine.memory.b_write;
  reg program_done = 0, inputs_done = 0;

  initial begin
{arguments}
    if ($value$plusargs("waves_first=%d", waves_first) && $value$plusargs("waves_last=%d", waves_last)) begin end
    $readmemh("{program}", program_data, 0, program_words - 1);
    $readmemh("{inputs}", inputs_data, 0, inputs_words - 1);
    outputs_file = $fopen("{outputs}", "w");
    writes_file = $fopen("{writes}", "w");
    repeat (4) @(posedge clk);
    rst <= 0;
  end

  always @(posedge clk) if (!rst) begin
    cycle <= cycle + 1;
    was_busy <= busy;
    program_random <= xorshift(program_random);
    inputs_random <= xorshift(inputs_random);
    outputs_random <= xorshift(outputs_random);

    if (program_moves) begin
      if (program_last) program_done <= 1;
      else if (word == program_words - 1) begin
        word <= 0;
        pass <= pass + 1;
      end else word <= word + 1;
    end
    if (program_moves | ~program_valid)
      program_valid <= program_random % 100 >= stalls & ~program_done & ~(program_moves & program_last);

    if (inputs_moves) begin
      if (inputs_last) inputs_done <= 1;
      else code <= code + 1;
    end
    if (inputs_moves | ~inputs_valid)
      inputs_valid <= inputs_random % 100 >= stalls & ~inputs_done & ~(inputs_moves & inputs_last);

    outputs_ready <= outputs_random % 100 >= stalls;
    if (outputs_moves) $fdisplay(outputs_file, "%h", outputs_payload);
    if (writes)
      $fdisplay(writes_file, "%h %h %h", engine.memory.b_address, engine.memory.b_write, engine.memory.b_data);
    if (engine.sequencer.start) begin
      $display("start %0d", cycle);
      jobs <= jobs + 1;
      if (jobs == waves_first) begin
        $dumpfile("{waves}");
        $dumpvars(0, {top});
      end
      // The job after the next one starts when the last one's results are written, or nearly so.
      if (waves_first >= 0 && jobs == waves_last + 2) $finish;
    end
    if (engine.array.tiles__valid & ~engine.array.tiles__ready) $display("stopped %0d", cycle);
    if (engine.array.acts__valid & ~engine.array.acts__ready) $display("stopped %0d", cycle);
    if (program_moves && word == 0) $display("begin %0d", cycle);

    quiet <= program_moves | inputs_moves | outputs_moves | writes ? 0 : quiet + 1;
    if (was_busy & ~busy) begin
      $display("done %0d %0d", cycle, error);
      done <= done + 1;
    end
    // After the end a few cycles more would show what nobody asked for.
    if (quiet == patience) begin
      $fclose(outputs_file);
      $fclose(writes_file);
      $display("images %0d of %0d", done, images);
      $finish;
    end
  end
endmodule
"""

INSTANCES = frozenset(re.findall(r"\bengine\.(\w+)\.", TEMPLATE))
"""The parts of the engine that the bench looks into; no top may have such a name: Icarus Verilog takes it for them."""


@dataclass(frozen=True, kw_only=True)
class BenchSizes:
    """Bus words of the longest program, and of the inputs of the largest run."""

    program_words: int
    inputs_words: int


ARGUMENTS = (
    *("images", "program_words", "inputs_words", "stalls", "patience"),
    *("program_random", "inputs_random", "outputs_random"),
)


def engine_bench(config: EngineConfig, sizes: BenchSizes) -> str:
    """The bench's text.  The simulator's command line gives the values of :data:`ARGUMENTS`."""
    return TEMPLATE.format(
        name=config.name,
        top=top_of(config),
        bus_high=config.bus_bits - 1,
        program_words=sizes.program_words,
        inputs_words=sizes.inputs_words,
        random=RANDOM,
        arguments="\n".join(f'    if (!$value$plusargs("{name}=%d", {name})) $finish;' for name in ARGUMENTS),
        program=PROGRAM,
        inputs=INPUTS,
        outputs=OUTPUTS,
        writes=WRITES,
        waves=WAVES,
    )


def plusargs(config: EngineConfig, sizes: BenchSizes, stalls: Stalls, images: int) -> list[str]:
    """A run's arguments: how many images, how much of program and inputs it has, how its streams pause."""
    quiet = 300 + 4 * config.group_beats + 4 * config.array.latency_cycles
    values = (images, sizes.program_words, sizes.inputs_words, stalls.percent, quiet * stalls.factor, *stalls.states)
    return [f"+{name}={value}" for name, value in zip(ARGUMENTS, values, strict=True)]
