// What holds on the streams of an array for ever, whatever its environment does within the stream rules.
// `pending`, `owed` and `ahead` count at the ports alone; that they equal what the device holds inside is what
// makes the induction go through, and it means that no beat is lost or made up on the way.
module array_rules (
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
  wire running = started && !rst && !was_reset;

  // Sources hold what they offer.
  always @(posedge clk) if (running) begin
    if ($past(tiles__valid && !tiles__ready)) assume (tiles__valid && $stable(tiles__payload));
    if ($past(acts__valid && !acts__ready)) assume (acts__valid && $stable(acts__payload));
  end

  // So does the array; and in reset it neither offers nor takes.
  always @(posedge clk) if (started) begin
    if (running && $past(sums__valid && !sums__ready)) assert (sums__valid && $stable(sums__payload));
    if (was_reset) assert (!sums__valid && !tiles__ready && !acts__ready);
  end

  reg owed = 0;                // the next tiles beat holds residual words
  reg [3:0] pending = 0;       // dot products whose last tile came, and whose sums did not go yet
  reg signed [2:0] ahead = 0;  // tiles begun, less acts taken
  reg [3:0] waiting = 0;       // cycles for which all inputs were on offer, and no sums came

  wire tile_in = tiles__valid && tiles__ready;
  wire first_in = tile_in && !owed;
  wire two_word_in = first_in && tiles__payload[`TILES-2];
  wire last_in = first_in && tiles__payload[`TILES-1];
  wire acts_in = acts__valid && acts__ready;
  wire sums_out = sums__valid && sums__ready;
  always @(posedge clk) if (rst) begin
    owed <= 0;
    pending <= 0;
    ahead <= 0;
    waiting <= 0;
  end else begin
    if (tile_in) owed <= two_word_in;
    pending <= pending + last_in - sums_out;
    ahead <= ahead + (first_in ? 3'sd1 : 3'sd0) - (acts_in ? 3'sd1 : 3'sd0);
    waiting <= pending != 0 && tiles__valid && acts__valid && !sums__valid ? waiting + 1 : 0;
  end

  (* hierconn *) wire \dut.join.tile_full , \dut.join.acts_full , \dut.join.residual , \dut.join.issue ;
  (* hierconn *) wire \dut.join.tile.two_word , \dut.join.tile.last , \dut.advance ;
  (* hierconn *) wire [2:0] \dut.beat0 , \dut.beat1 , \dut.kept ;
  wire in_join = \dut.join.tile_full || \dut.join.residual ;
  wire in_spill = !\dut.advance ;
  wire ends_in_join = in_join && \dut.join.tile.last ;
  always @(posedge clk) if (started) begin
    assert (pending == ends_in_join + \dut.beat0 [2] + \dut.beat1 [2] + in_spill + sums__valid);
    assert (!in_spill || (\dut.kept == 3'b111 || \dut.kept == 3'b101) && sums__valid);
    assert (ahead == $signed({2'b0, in_join}) - $signed({2'b0, \dut.join.acts_full }));
    assert (owed == (\dut.join.tile_full ? !\dut.join.residual && \dut.join.tile.two_word : \dut.join.residual ));
    assert (!\dut.join.issue || \dut.join.tile_full && \dut.join.acts_full && \dut.advance );
    assert (!\dut.join.residual || \dut.join.tile.two_word && \dut.join.acts_full );
    assert (tiles__ready == (\dut.join.issue || !\dut.join.tile_full ) || was_reset);
    assert (!\dut.beat0 [2] || \dut.beat0 [0]);
    assert (!\dut.beat1 [2] || \dut.beat1 [0]);
    // Sums come though nobody is ready for them, within the latency and one residual beat.
    assert (waiting <= `LATENCY + 1);
  end
endmodule
