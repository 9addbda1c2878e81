"""A plain Verilog test bench that streams one quantized tensor through an array.

Data come from hex files, stalls from a seeded generator in the bench, so that every simulator runs the same
cycles; the sums go to a file, and are judged elsewhere.  How much there is to stream may be said on the
simulator's command line: one compiled bench serves many tensors.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from sw_ref.cost import cost
from sw_ref.model import StlqTensor

TILES, ACTS, SUMS = "tiles.hex", "acts.hex", "sums.txt"
WAVES = "waves.vcd"

RANDOM = """\
  // One xorshift generator per stream.
  function [31:0] xorshift(input [31:0] x);
    reg [31:0] y, z;
    begin
      y = x ^ (x << 13);
      z = y ^ (y >> 17);
      xorshift = z ^ (z << 5);
    end
  endfunction"""
"""The generator of random numbers in the benches of arrays and engines."""

TEMPLATE = """\
`timescale 1ns / 1ps
// Streams {tiles} (once per pass) and {acts} (vectors per pass: {pixels}) through {name}, writes every sum to {sums}.
module {top};
  localparam STALLS = {stalls};
  localparam PATIENCE = {patience};

  reg clk = 0;
  reg rst = 1;
  always #5 clk = ~clk;

  reg [{tiles_high}:0] tiles_data [0:{tiles_beats}-1];
  reg [{acts_high}:0] acts_data [0:{acts_beats}-1];
  // Beats of one pass's tiles, of all activations, of all sums.
  integer tiles_beats, acts_beats, sums_beats, passes;
  integer beat = 0, tiles_pass = 0;
  integer act = 0;
  integer sums = 0, cycle = 0, first = -1, idle = 0, file;

  reg tiles_valid = 0, acts_valid = 0, sums_ready = 0;
  wire tiles_ready, acts_ready, sums_valid;
  wire [{sums_high}:0] sums_payload;

  // What does not count is unknown: payloads that are not valid, and the flags of residual beats.
  wire [{tiles_high}:0] tile = tiles_data[beat];
  reg residual = 0;
  wire [1:0] flags = residual ? 2'bxx : tile[{tiles_high} -: 2];
  wire [{tiles_high}:0] tiles_payload = tiles_valid ? {{flags, tile[{tiles_high}-2:0]}} : {{({tiles_high}+1){{1'bx}}}};
  wire [{acts_high}:0] acts_payload = acts_valid ? acts_data[act] : {{({acts_high}+1){{1'bx}}}};

  {name} array (
    .clk(clk), .rst(rst),
    .tiles__valid(tiles_valid), .tiles__ready(tiles_ready), .tiles__payload(tiles_payload),
    .acts__valid(acts_valid), .acts__ready(acts_ready), .acts__payload(acts_payload),
    .sums__valid(sums_valid), .sums__ready(sums_ready), .sums__payload(sums_payload)
  );

{random}
  reg [31:0] tiles_random = 32'd{seed_tiles}, acts_random = 32'd{seed_acts}, sums_random = 32'd{seed_sums};
  wire tiles_go = tiles_random % 100 >= STALLS;
  wire acts_go = acts_random % 100 >= STALLS;
  wire sums_go = sums_random % 100 >= STALLS;

  wire tiles_moves = tiles_valid & tiles_ready;
  wire acts_moves = acts_valid & acts_ready;
  wire sums_moves = sums_valid & sums_ready;
  wire tiles_last = tiles_pass == passes - 1 && beat == tiles_beats - 1;
  wire acts_last = act == acts_beats - 1;
  reg tiles_done = 0, acts_done = 0;

  initial begin
    if (!$value$plusargs("tiles_beats=%d", tiles_beats)) tiles_beats = {tiles_beats};
    if (!$value$plusargs("acts_beats=%d", acts_beats)) acts_beats = {acts_beats};
    if (!$value$plusargs("sums_beats=%d", sums_beats)) sums_beats = {sums_beats};
    if (!$value$plusargs("passes=%d", passes)) passes = {passes};
    $readmemh("{tiles}", tiles_data, 0, tiles_beats - 1);
    $readmemh("{acts}", acts_data, 0, acts_beats - 1);
    file = $fopen("{sums}", "w");
    if ($test$plusargs("waves")) begin
      $dumpfile("{waves}");
      $dumpvars(0, {top});
    end
    repeat (4) @(posedge clk);
    rst <= 0;
  end

  always @(posedge clk) if (!rst) begin
    cycle <= cycle + 1;
    tiles_random <= xorshift(tiles_random);
    acts_random <= xorshift(acts_random);
    sums_random <= xorshift(sums_random);

    if (tiles_moves) begin
      residual <= ~residual & tile[{tiles_high}-1];
      if (first < 0) first <= cycle;
      if (tiles_last) tiles_done <= 1;
      else if (beat == tiles_beats - 1) begin
        beat <= 0;
        tiles_pass <= tiles_pass + 1;
      end else beat <= beat + 1;
    end
    if (tiles_moves | ~tiles_valid) tiles_valid <= tiles_go & ~tiles_done & ~(tiles_moves & tiles_last);

    if (acts_moves) begin
      if (acts_last) acts_done <= 1;
      else act <= act + 1;
    end
    if (acts_moves | ~acts_valid) acts_valid <= acts_go & ~acts_done & ~(acts_moves & acts_last);

    sums_ready <= sums_go;
    if (sums_moves) begin
      $fdisplay(file, "%h", sums_payload);
      sums <= sums + 1;
    end

    // After the last sum, a few cycles more would show one that nobody asked for.
    if (tiles_moves | acts_moves | sums_moves) idle <= 0;
    else idle <= idle + 1;
    if (sums_moves && sums == sums_beats - 1) $display("cycles %0d", cycle - first + 1);
    // One sum too many is enough to know: an array may go on for ever.
    if (idle == PATIENCE || (sums_moves && sums == sums_beats)) begin
      $fclose(file);
      $display("sums %0d of %0d", sums, sums_beats);
      $finish;
    end
  end
endmodule
"""


@dataclass(frozen=True, kw_only=True)
class Stalls:
    """Random pauses of each stream: `percent` of the cycles, by a generator started with `seed`."""

    percent: int = 0
    seed: int = 1

    @property
    def states(self) -> list[int]:
        """Where the generators of three streams start: xorshift needs a state other than 0."""
        return [int(state) or 1 for state in np.random.SeedSequence(self.seed).generate_state(3)]

    @property
    def factor(self) -> int:
        """How many times as long as without pauses a bench is patient: a stream may pause 99 cycles of 100."""
        return 100 // (100 - self.percent)


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much a run streams: beats of one pass's tiles, of all activations and sums; passes over the tiles."""

    tiles_beats: int
    acts_beats: int
    sums_beats: int
    passes: int

    @classmethod
    def of(cls, tensor: StlqTensor, vectors: int, pixels: int) -> "Amounts":
        """`pixels` of the `vectors` meet the tiles in each pass."""
        spent, passes = cost(tensor), -(-vectors // pixels)
        return cls(
            tiles_beats=spent.beats,
            acts_beats=spent.tiles * passes,
            sums_beats=tensor.two_word.shape[0] * passes,
            passes=passes,
        )

    @classmethod
    def most(cls, amounts: Sequence["Amounts"]) -> "Amounts":
        """The amounts that have room for each of `amounts`."""
        return cls(**{name: max(getattr(a, name) for a in amounts) for name in (f.name for f in fields(cls))})

    @property
    def plusargs(self) -> list[str]:
        """The amounts as the bench reads them from the simulator's command line."""
        return [f"+{name}={value}" for name, value in asdict(self).items()]


def top_of(config: ArrayConfig | EngineConfig) -> str:
    """The bench's module: of another name than what it tests."""
    return "bench" if config.name == "testbench" else "testbench"


def bench_name(config: ArrayConfig) -> str:
    """The bench's file."""
    return f"{top_of(config)}.v"


def testbench(config: ArrayConfig, amounts: Amounts, stalls: Stalls) -> str:
    """The bench that streams `amounts`, or less if plusargs say so."""
    states = stalls.states
    return TEMPLATE.format(
        name=config.name,
        top=top_of(config),
        pixels=config.pixels,
        **asdict(amounts),
        random=RANDOM,
        stalls=stalls.percent,
        patience=4 * config.latency_cycles + 1000 * stalls.factor,
        **{f"{stream}_high": bits - 1 for stream, bits in config.payload_bits.items()},
        seed_tiles=states[0],
        seed_acts=states[1],
        seed_sums=states[2],
        tiles=TILES,
        acts=ACTS,
        sums=SUMS,
        waves=WAVES,
    )
