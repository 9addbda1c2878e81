"""A plain Verilog test bench that feeds an engine programs and inputs, and tells all that it writes and when."""

from dataclasses import dataclass

import numpy as np

from hw.engine.config import EngineConfig
from rtl_gen.testbench import Stalls

PROGRAM, INPUTS, OUTPUTS, WRITES, WAVES = "program.hex", "inputs.hex", "outputs.txt", "writes.txt", "waves.vcd"

TEMPLATE = """\
`timescale 1ns / 1ps
// Runs {program} once for each image on {name}; {inputs} has the images one after the other.
module {top};
  localparam STALLS = {stalls};
  localparam PATIENCE = {patience};

  reg clk = 0;
  reg rst = 1;
  always #5 clk = ~clk;

  reg [{bus_high}:0] program_data [0:{program_words}-1];
  reg [{bus_high}:0] inputs_data [0:{inputs_words}-1];
  integer images, inputs_words;
  integer word = 0, pass = 0, code = 0, done = 0, cycle = 0, quiet = 0;
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

  // One xorshift generator per stream.
  reg [31:0] program_random = 32'd{seed_program}, inputs_random = 32'd{seed_inputs};
  reg [31:0] outputs_random = 32'd{seed_outputs};
  function [31:0] xorshift(input [31:0] x);
    reg [31:0] y, z;
    begin
      y = x ^ (x << 13);
      z = y ^ (y >> 17);
      xorshift = z ^ (z << 5);
    end
  endfunction

  wire program_moves = program_valid & program_ready;
  wire inputs_moves = inputs_valid & inputs_ready;
  wire outputs_moves = outputs_valid & outputs_ready;
  wire program_last = pass == images - 1 && word == {program_words} - 1;
  wire inputs_last = code == inputs_words - 1;
  wire writes = |engine.memory.b_write;
  reg program_done = 0, inputs_done = 0;

  initial begin
    if (!$value$plusargs("images=%d", images)) images = 1;
    if (!$value$plusargs("inputs_words=%d", inputs_words)) inputs_words = {inputs_words};
    $readmemh("{program}", program_data);
    $readmemh("{inputs}", inputs_data, 0, inputs_words - 1);
    outputs_file = $fopen("{outputs}", "w");
    writes_file = $fopen("{writes}", "w");
    if ($test$plusargs("waves")) begin
      $dumpfile("{waves}");
      $dumpvars(0, {top});
    end
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
      else if (word == {program_words} - 1) begin
        word <= 0;
        pass <= pass + 1;
      end else word <= word + 1;
    end
    if (program_moves | ~program_valid)
      program_valid <= program_random % 100 >= STALLS & ~program_done & ~(program_moves & program_last);

    if (inputs_moves) begin
      if (inputs_last) inputs_done <= 1;
      else code <= code + 1;
    end
    if (inputs_moves | ~inputs_valid)
      inputs_valid <= inputs_random % 100 >= STALLS & ~inputs_done & ~(inputs_moves & inputs_last);

    outputs_ready <= outputs_random % 100 >= STALLS;
    if (outputs_moves) $fdisplay(outputs_file, "%h", outputs_payload);
    if (writes)
      $fdisplay(writes_file, "%h %h %h", engine.memory.b_address, engine.memory.b_write, engine.memory.b_data);
    if (engine.sequencer.start) $display("start %0d", cycle);
    if (engine.array.tiles__valid & ~engine.array.tiles__ready) $display("stopped %0d", cycle);
    if (engine.array.acts__valid & ~engine.array.acts__ready) $display("stopped %0d", cycle);
    if (program_moves && word == 0) $display("begin %0d", cycle);

    quiet <= program_moves | inputs_moves | outputs_moves | writes ? 0 : quiet + 1;
    if (was_busy & ~busy) begin
      $display("done %0d %0d", cycle, error);
      done <= done + 1;
    end
    // After the end a few cycles more would show what nobody asked for.
    if (quiet == PATIENCE) begin
      $fclose(outputs_file);
      $fclose(writes_file);
      $display("images %0d of %0d", done, images);
      $finish;
    end
  end
endmodule
"""


@dataclass(frozen=True, kw_only=True)
class BenchSizes:
    """Bus words of the program and of the inputs of the largest run; `quiet`: cycles in which nothing may move."""

    program_words: int
    inputs_words: int
    quiet: int


def engine_bench(config: EngineConfig, sizes: BenchSizes, stalls: Stalls) -> str:
    """The bench's text."""
    # xorshift needs a state other than 0.
    states = [int(s) or 1 for s in np.random.SeedSequence(stalls.seed).generate_state(3)]
    return TEMPLATE.format(
        name=config.name,
        top=bench_top(config),
        bus_high=config.bus_bits - 1,
        program_words=sizes.program_words,
        inputs_words=sizes.inputs_words,
        stalls=stalls.percent,
        # A stream that may pause 99 cycles of 100 can be silent for long without being stuck.
        patience=sizes.quiet * (100 // (100 - stalls.percent)),
        seed_program=states[0],
        seed_inputs=states[1],
        seed_outputs=states[2],
        program=PROGRAM,
        inputs=INPUTS,
        outputs=OUTPUTS,
        writes=WRITES,
        waves=WAVES,
    )


def bench_top(config: EngineConfig) -> str:
    """The bench's module: of another name than the engine's."""
    return "bench" if config.name == "testbench" else "testbench"
