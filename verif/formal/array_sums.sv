// A small array against a naive model that knows its ports only: queues of what came in, and the sums they make.
module array_sums (
  input clk, input rst,
  input tiles__valid, input [`TILES-1:0] tiles__payload,
  input acts__valid, input [`ACTS-1:0] acts__payload,
  input sums__ready
);
  wire tiles__ready, acts__ready, sums__valid;
  wire [`SUMS-1:0] sums__payload;
  stlq_array dut (.*);

  reg started = 0;
  reg was_reset = 1;
  always @(posedge clk) started <= 1;
  always @(posedge clk) was_reset <= rst;
  always @* if (!started) assume (rst);
  always @(posedge clk) if (started && !rst && !was_reset) begin
    if ($past(tiles__valid && !tiles__ready)) assume (tiles__valid && $stable(tiles__payload));
    if ($past(acts__valid && !acts__ready)) assume (acts__valid && $stable(acts__payload));
  end

  // Everything that came in since the last reset; the model works off one beat per cycle.
  reg [`TILES-1:0] tile_queue [0:7];
  reg [`ACTS-1:0] acts_queue [0:7];
  reg signed [`SUMS-1:0] sums_queue [0:7];
  reg [2:0] tiles_in = 0, tiles_out = 0, acts_in = 0, acts_out = 0, sums_in = 0, sums_out = 0;

  reg residual = 0;   // the model's next beat holds residual words
  reg ends = 0;       // of the tile that it belongs to
  reg signed [`SUMS-1:0] total = 0;
  wire [`TILES-1:0] beat = tile_queue[tiles_out];
  wire [`ACTS-1:0] acts = acts_queue[acts_out];
  wire two_word = !residual && beat[`TILES-2];
  wire last = residual ? ends : beat[`TILES-1];
  wire signed [`SUMS-1:0] operand = times_term(beat[1:0], acts[1:0]) + times_term(beat[3:2], acts[3:2]);
  wire signed [`SUMS-1:0] sum = total + (residual ? operand : operand <<< `SHIFT);
  wire work = tiles_in != tiles_out && acts_in != acts_out;

  always @(posedge clk) if (rst) begin
    {tiles_in, tiles_out, acts_in, acts_out, sums_in, sums_out} <= 0;
    {residual, ends, total} <= 0;
  end else begin
    if (tiles__valid && tiles__ready) begin
      tile_queue[tiles_in] <= tiles__payload;
      tiles_in <= tiles_in + 1;
    end
    if (acts__valid && acts__ready) begin
      acts_queue[acts_in] <= acts__payload;
      acts_in <= acts_in + 1;
    end
    if (work) begin
      tiles_out <= tiles_out + 1;
      residual <= two_word;
      ends <= last;
      if (!two_word) acts_out <= acts_out + 1;
      total <= !two_word && last ? 0 : sum;
      if (!two_word && last) begin
        sums_queue[sums_in] <= sum;
        sums_in <= sums_in + 1;
      end
    end
    if (sums__valid) begin
      assert (sums_in != sums_out);
      assert ($signed(sums__payload) == sums_queue[sums_out]);
    end
    if (sums__valid && sums__ready) sums_out <= sums_out + 1;
  end
endmodule
