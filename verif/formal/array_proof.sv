// Proven by induction, thus for ever, for a small array and whatever its environment does within the stream rules:
// the rules of its own streams; one sums beat for every `last`; every sum equal to a naive model's.
// The model sees the ports alone. What the device holds inside appears in assertions only: the invariants that make
// the induction go through. They say that at every moment nothing is lost, made up or misplaced on the way.
module array_proof (
  input clk, input rst,
  input tiles__valid, input [`TILES-1:0] tiles__payload,
  input acts__valid, input [`ACTS-1:0] acts__payload,
  input sums__ready
);
  wire tiles__ready, acts__ready, sums__valid;
  wire signed [`SUMS-1:0] sums__payload;
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

  // What the device holds.
  (* hierconn *) wire \dut.join.tile_full , \dut.join.acts_full , \dut.join.residual , \dut.join.issue ;
  (* hierconn *) wire \dut.join.two_word , \dut.join.last , \dut.advance ;
  (* hierconn *) wire [`TILES-3:0] \dut.join.words ;
  (* hierconn *) wire [`ACTS-1:0] \dut.join.acts_held ;
  (* hierconn *) wire [2:0] \dut.beat0 , \dut.beat1 ;
  (* hierconn *) wire \dut.ends , \dut.pe0.ends , \dut.pe0.coarse , \dut.pe0.accumulate , \dut.pe0.advance ;
  (* hierconn *) wire signed [`SUMS-1:0] \dut.pe0.accumulator ;
  (* hierconn *) wire \dut.pe0.product0_carry ;
  (* hierconn *) wire signed [`PRODUCT-1:0] \dut.pe0.product0 ;
  wire issue = \dut.join.issue ;
  // A complete sum has to wait, and there is no more place for another.
  wire held = !\dut.advance ;
  // A beat on its way: {ends, coarse, valid}.
  wire valid0 = \dut.beat0 [0], valid1 = \dut.beat1 [0];
`ifdef THREE_STAGES
  (* hierconn *) wire [2:0] \dut.beat2 ;
  wire valid2 = \dut.beat2 [0];
  wire [2:0] last_beat = \dut.beat2 ;
  wire [2:0] between = \dut.beat1 [2];  // sums that end between the first and the last beat
`else
  wire [2:0] last_beat = \dut.beat1 ;
  wire [2:0] between = 0;
`endif
`ifdef BUFFERED
  (* hierconn *) wire \dut.first ;
  wire [2:0] places = \dut.first + held;  // sums that wait, but for those that are offered
`else
  wire [2:0] places = held;
`endif

  // Counts at the ports.
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
    {owed, pending, ahead, waiting} <= 0;
  end else begin
    if (tile_in) owed <= two_word_in;
    pending <= pending + last_in - sums_out;
    ahead <= ahead + (first_in ? 3'sd1 : 3'sd0) - (acts_in ? 3'sd1 : 3'sd0);
    waiting <= pending != 0 && tiles__valid && acts__valid && !sums__valid ? waiting + 1 : 0;
  end

  wire in_join = \dut.join.tile_full || \dut.join.residual ;
  wire ends_in_join = in_join && \dut.join.last ;
  always @(posedge clk) if (started) begin
    assert (pending == ends_in_join + \dut.beat0 [2] + between + last_beat[2] + places + sums__valid);
    assert (!held || sums__valid);
    assert (\dut.ends == (!held && last_beat[2]));
    assert (\dut.pe0.ends == (\dut.ends || was_reset));
`ifdef BUFFERED
    assert ({\dut.pe0.coarse , \dut.pe0.accumulate } == \dut.beat1 [1:0]);
    assert (!was_reset || !\dut.first );
    assert (!held || \dut.first );
`else
    assert ({\dut.pe0.coarse , \dut.pe0.accumulate } == (held ? 2'b0 : last_beat[1:0]));
`endif
`ifdef THREE_STAGES
    assert (valid2 || !\dut.beat2 [2]);
    assert (!was_reset || !valid2);
`endif
    // The PE's copy has no value in reset; nothing is there then that it could move.
    assert (was_reset ? !issue && !valid0 && !valid1 : \dut.pe0.advance == \dut.advance );
    assert (ahead == $signed({2'b0, in_join}) - $signed({2'b0, \dut.join.acts_full }));
    assert (owed == (\dut.join.tile_full ? !\dut.join.residual && \dut.join.two_word : \dut.join.residual ));
    assert (!issue || \dut.join.tile_full && \dut.join.acts_full && \dut.advance );
    assert (!\dut.join.residual || \dut.join.acts_full );
    assert (tiles__ready == (issue || !\dut.join.tile_full ) || was_reset);
    assert (acts__ready == (issue && (\dut.join.residual || !\dut.join.two_word ) || !\dut.join.acts_full ) || was_reset);
    assert (valid0 || !\dut.beat0 [2]);
    assert (valid1 || !\dut.beat1 [2]);
  end

`ifdef PROGRESS
  // Sums come though nobody is ready for them, within the latency and one residual beat.
  always @(posedge clk) if (started) assert (waiting <= `LATENCY + 1);
`else
  // The model: at most one beat and its activations in hand, each used exactly once; the sum so far.
  reg [`TILES-1:0] tile;
  reg [`ACTS-1:0] acts;
  reg have_tile = 0, have_acts = 0, residual = 0, ends = 0;
  reg signed [`SUMS-1:0] so_far = 0;
  wire two_word = !residual && tile[`TILES-2];
  wire last = residual ? ends : tile[`TILES-1];
  wire complete = !two_word && last;
  wire signed [`SUMS-1:0] products =
    times_term(tile[0 +: `BITS], acts[0 +: `ACT]) + times_term(tile[`BITS +: `BITS], acts[`ACT +: `ACT])
`ifdef SKEWED
    + times_term(tile[2*`BITS +: `BITS], acts[2*`ACT +: `ACT])
`endif
  ;
  wire signed [`SUMS-1:0] total = so_far + (residual ? products : products <<< `SHIFT);
  always @(posedge clk) if (rst) begin
    {have_tile, have_acts, residual, ends, so_far} <= 0;
  end else begin
    if (tile_in) tile <= tiles__payload;
    if (acts_in) acts <= acts__payload;
    have_tile <= tile_in || have_tile && !issue;
    have_acts <= acts_in || have_acts && !(issue && !two_word);
    if (issue) {residual, ends, so_far} <= {two_word, last, complete ? `SUMS'd0 : total};
    assert (!tile_in || !have_tile || issue);
    assert (!acts_in || !have_acts || issue && !two_word);
    assert (!issue || have_tile && have_acts);
  end

  // The model's total after each beat that is on its way through the device, moving with it.
  reg signed [`SUMS-1:0] total0, total1, total2, total_held, total_first, total_second, total_sent;
`ifdef THREE_STAGES
  wire signed [`SUMS-1:0] total_last = total2;
`else
  wire signed [`SUMS-1:0] total_last = total1;
`endif
  always @(posedge clk) begin
    if (!held) {total0, total1, total2, total_held} <= {total, total0, total1, total_last};
    if (\dut.ends ) {total_first, total_second} <= {total_last, total_first};
`ifdef BUFFERED
    if (!sums__valid || sums__ready) total_sent <= held ? total_second : total_first;
`else
    if (!sums__valid || sums__ready) total_sent <= held ? total_held : total_last;
`endif
  end

  // What each of these beats will add, and the sum so far before and after it.
  wire signed [`SUMS-1:0] product0 = \dut.pe0.product0 + $signed({1'b0, \dut.pe0.product0_carry });
`ifdef BUFFERED
  (* hierconn *) wire signed [`PRODUCT-1:0] \dut.pe0.product1 ;
  (* hierconn *) wire signed [`PRODUCT:0] \dut.pe0.level1_0 ;
  (* hierconn *) wire signed [`PRODUCT+`SHIFT:0] \dut.pe0.operand ;
  (* hierconn *) wire \dut.pe0.product1_carry , \dut.pe0.level1_0_carry , \dut.pe0.operand_carry ;
  (* hierconn *) wire signed [`SUMS-1:0] \dut.pe0.waiting0 , \dut.pe0.waiting1 ;
  wire signed [`SUMS-1:0] sum0 = product0 + \dut.pe0.product1 + $signed({1'b0, \dut.pe0.product1_carry });
  wire signed [`SUMS-1:0] sum1 = \dut.pe0.level1_0 + $signed({1'b0, \dut.pe0.level1_0_carry });
  wire signed [`SUMS-1:0] add2 = \dut.pe0.operand + $signed({1'b0, \dut.pe0.operand_carry });
  wire signed [`SUMS-1:0] before2 = was_reset ? 0 : \dut.pe0.accumulator ;
  always @(posedge clk) if (started) begin
    assert (valid2 || add2 == 0);
    assert (!\dut.first || \dut.pe0.waiting0 == total_first);
    assert (!held || \dut.pe0.waiting1 == total_second);
  end
`else
  (* hierconn *) wire \dut.pe0.negative1 , \dut.pe0.partial0_0_carry ;
  (* hierconn *) wire signed [`NEAR-1:0] \dut.pe0.choice1_0 , \dut.pe0.choice1_1 , \dut.pe0.choice1_2 , \dut.pe0.choice1_3 ;
  (* hierconn *) wire signed [`PRODUCT:0] \dut.pe0.partial0_0 ;
  wire signed [`SUMS-1:0] product1 = chosen(\dut.pe0.negative1 ,
    \dut.pe0.choice1_0 , \dut.pe0.choice1_1 , \dut.pe0.choice1_2 , \dut.pe0.choice1_3 );
  wire signed [`SUMS-1:0] partial = \dut.pe0.partial0_0 + $signed({1'b0, \dut.pe0.partial0_0_carry });
  wire signed [`SUMS-1:0] before_last = held || was_reset ? 0 : \dut.pe0.accumulator ;
  always @(posedge clk) if (started) assert (!held || \dut.pe0.accumulator == total_held);
`ifdef SKEWED
  // The third lane is one register behind.
  (* hierconn *) wire [`BITS-1:0] \dut.pe0.word2_late0 ;
  (* hierconn *) wire [`ACT-1:0] \dut.act2_late0 ;
  (* hierconn *) wire \dut.pe0.negative2 , \dut.pe0.partial1_0_carry ;
  (* hierconn *) wire signed [`NEAR-1:0] \dut.pe0.choice2_0 , \dut.pe0.choice2_1 , \dut.pe0.choice2_2 , \dut.pe0.choice2_3 ;
  (* hierconn *) wire signed [`PRODUCT+1:0] \dut.pe0.partial1_0 ;
  wire signed [`SUMS-1:0] sum0 =
    product0 + product1 + times_term(\dut.pe0.word2_late0 , \dut.act2_late0 );
  wire signed [`SUMS-1:0] sum1 = partial + chosen(\dut.pe0.negative2 ,
    \dut.pe0.choice2_0 , \dut.pe0.choice2_1 , \dut.pe0.choice2_2 , \dut.pe0.choice2_3 );
  wire signed [`SUMS-1:0] sum2 = \dut.pe0.partial1_0 + $signed({1'b0, \dut.pe0.partial1_0_carry });
  wire signed [`SUMS-1:0] add2 = sum2 <<< (\dut.beat2 [1] ? `SHIFT : 0);
  wire signed [`SUMS-1:0] before2 = before_last;
`else
  wire signed [`SUMS-1:0] sum0 = product0 + product1;
  wire signed [`SUMS-1:0] sum1 = partial;
  wire signed [`SUMS-1:0] before1 = before_last;
`endif
  function signed [`SUMS-1:0] chosen(
    input negative, input signed [`NEAR-1:0] choice0, choice1, choice2, choice3
  );
    reg signed [`PRODUCT-1:0] place0, place1, place2, place3, magnitude;
    begin
      place0 = choice0;
      place1 = choice1;
      place2 = choice2;
      place3 = choice3;
      magnitude = place0 | place1 <<< `STEP | place2 <<< 2 * `STEP | place3 <<< 3 * `STEP;
      chosen = magnitude;
      if (negative) chosen = -chosen;
    end
  endfunction
`endif
`ifdef THREE_STAGES
  wire signed [`SUMS-1:0] before1 = \dut.beat2 [2] ? 0 : valid2 ? total2 : before2;
  always @(posedge clk) if (started) assert (!valid2 || before2 + add2 == total2);
`endif
  wire signed [`SUMS-1:0] add0 = sum0 <<< (\dut.beat0 [1] ? `SHIFT : 0);
  wire signed [`SUMS-1:0] add1 = sum1 <<< (\dut.beat1 [1] ? `SHIFT : 0);
  wire signed [`SUMS-1:0] before0 = \dut.beat1 [2] ? 0 : valid1 ? total1 : before1;
  wire signed [`SUMS-1:0] before = \dut.beat0 [2] ? 0 : valid0 ? total0 : before0;
  always @(posedge clk) if (started) begin
    assert (have_tile == \dut.join.tile_full && have_acts == \dut.join.acts_full );
    assert (!have_tile || tile[`TILES-3:0] == \dut.join.words );
    assert (!have_acts || acts == \dut.join.acts_held );
    assert (residual == \dut.join.residual );
    assert (!in_join || (residual ? ends : tile[`TILES-1]) == \dut.join.last );
    assert (!have_tile || residual || tile[`TILES-2] == \dut.join.two_word );
    assert (!valid1 || before1 + add1 == total1);
    assert (!valid0 || before0 + add0 == total0);
    assert (before == so_far);
    if (sums__valid) assert (sums__payload == total_sent);
  end
`endif
endmodule
