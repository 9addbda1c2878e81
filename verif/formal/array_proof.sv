// Proven by induction, thus for ever, for a small array and whatever its environment does within the stream rules:
// the rules of its own streams; one sums beat for every `last`; every sum equal to a naive model's.
// The model's data come from the ports alone; when it takes its steps, it is told by the device, and asserts that no beat
// is lost or used twice. All else that the device holds inside appears in assertions only: the invariants that make the
// induction go through. They say that at every moment nothing is lost, made up or misplaced on the way.
module array_proof (
  input clk, input rst,
  input tiles__valid, input [`TILES-1:0] tiles__payload,
  input acts__valid, input [`ACTS-1:0] acts__payload,
  input sums__ready
);
  wire tiles__ready, acts__ready, sums__valid;
  wire [`PAYLOAD-1:0] sums__payload;
  // One pixel is followed.
  wire signed [`SUMS-1:0] sums = sums__payload[`PIXEL*`SUMS +: `SUMS];
  stlq_array dut (.*);

  reg started = 0;
  reg was_reset = 1;
  always @(posedge clk) started <= 1;
  always @(posedge clk) was_reset <= rst;
  always @* if (!started) assume (rst);
  // The PEs of a buffered array are reset a cycle late; a cycle later still their accumulators are 0.
  reg pe_was_reset = 1;
  always @(posedge clk) pe_was_reset <= was_reset;
  wire settled = !was_reset && !pe_was_reset;
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

  // What the device holds: wires that device.py puts here, named after the path without `pe0`.
  wire issue = alignment_issue;
  // A complete sum has to wait, and nothing moves.
  wire held = !control_enable;
  // Beats on their way: {ends, first_word, valid}. There are two at least; what is not there is always empty.
  wire [2:0] beat0 = control_beat0;
`ifdef BUFFERED
  wire [2:0] beat1 = control_pe__beat;
  wire [2:0] beat2 = was_reset ? 0 : accumulators_beat;
  // Of the last one the device knows only whether it ends a sum.
  reg [2:0] beat3;
  always @(posedge clk) if (rst) beat3 <= 0; else if (!held) beat3 <= beat2;
  wire [1:0] add = accumulators_ping_pong_add, move = accumulators_ping_pong_move, ended = accumulators_ping_pong_ended;
  wire [1:0] done = control_ping_pong_done, full = control_ping_pong_full;
  wire turn = control_ping_pong_turn, read = control_ping_pong_read;
  wire [2:0] sums_waiting = done[0] + done[1] + full[!read];  // sums that wait, but for those that are offered
`else
  wire [2:0] beat1 = control_beat1;
`ifdef STAGE2
  wire [2:0] beat2 = control_beat2;
`else
  wire [2:0] beat2 = 0;
`endif
  wire [2:0] beat3 = 0;
  wire [2:0] sums_waiting = held;
  wire [2:0] last_beat =
`ifdef STAGE2
    beat2;
`else
    beat1;
`endif
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

  wire in_alignment = alignment_tile_full || alignment_residual;
  wire ends_in_alignment = in_alignment && alignment_last;
  always @(posedge clk) if (started) begin
    assert (pending == ends_in_alignment + beat0[2] + beat1[2] + beat2[2] + beat3[2] + sums_waiting + sums__valid);
    assert (!held || sums__valid || was_reset);
`ifdef BUFFERED
    // The array has the same control as its PEs.
    if (!was_reset) begin
      assert (turn == accumulators_ping_pong_turn && read == accumulators_ping_pong_read);
      assert (done == accumulators_ping_pong_done && full == accumulators_ping_pong_full);
      assert (accumulators_ping_pong_last == beat3[2] && accumulators_ping_pong_switch == |ended);
      assert (ended == control_ping_pong_ended);
      assert (move == (pe_was_reset ? 2'b11 : done & ~full));
      assert (ended == (beat3[2] && !pe_was_reset ? add : 2'b0));
    end
    assert (accumulators_reset == was_reset);
    assert (control_ping_pong_last == beat3[2] && control_ping_pong_switch == |control_ping_pong_ended);
    assert (!settled || add == (held ? 2'b0 : 2'b1 << turn) && add == control_ping_pong_add);
    // What is added has a place: nothing moves while the accumulator whose turn it is keeps a complete sum.
    assert (was_reset || held || !done[turn]);
    // Dot products go to the accumulators in turn, and leave in this order.
    assert (turn == (read ^ done[0] ^ done[1] ^ full[0] ^ full[1]));
    assert (sums__valid == full[read] && (full[read] || !full[!read]));
    assert (!done[!read] || full[read] || done[read]);
    assert (!full[read] || !done[read] || full[!read] || done[!read]);
    assert (!full[!read] || !done[!read] || done[read]);
    assert (control_ends == beat2[2]);
    assert (settled || beat2 == 0 && beat3 == 0 && done == 0 && full == 0 && turn == 0 && read == 0);
    assert (settled || !held && !beat0[0] && !beat1[0] && control_ping_pong_ended == 0);
`else
    assert (control_ends == (!held && last_beat[2]));
    assert (accumulators_beat[2] == (control_ends || was_reset));
    assert (accumulators_beat[1:0] == (held ? 2'b0 : last_beat[1:0]));
    assert (!was_reset || beat2 == 0);
`endif
    // The PE's copy has no value in reset; nothing is there then that it could move.
    assert (was_reset ? !issue && !beat0[0] && !beat1[0] : accumulators_enable == control_enable);
    assert (ahead == $signed({2'b0, in_alignment}) - $signed({2'b0, alignment_acts_full }));
    assert (owed == (alignment_tile_full ? !alignment_residual && alignment_two_word : alignment_residual));
    assert (!issue || alignment_tile_full && alignment_acts_full && control_enable);
    assert (!alignment_residual || alignment_acts_full);
    assert (tiles__ready == (issue || !alignment_tile_full) || was_reset);
    assert (acts__ready == (issue && (alignment_residual || !alignment_two_word) || !alignment_acts_full) || was_reset);
    assert (beat0[0] || !beat0[2]);
    assert (beat1[0] || !beat1[2]);
    assert (beat2[0] || !beat2[2]);
    assert (beat3[0] || !beat3[2]);
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
    times_term(tile[0 +: `BITS], acts[`ACTS_AT +: `ACT]) + times_term(tile[`BITS +: `BITS], acts[`ACTS_AT+`ACT +: `ACT])
`ifdef LANE2
    + times_term(tile[2*`BITS +: `BITS], acts[`ACTS_AT+2*`ACT +: `ACT])
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

`ifdef OVERFLOW
  // The same sum without a limit to its bits. As long as no dot product has more inputs than `depth`, it is what the
  // accumulator's bits say.
  wire signed [`SUMS+3:0] wide_products =
    wide(times_term(tile[0 +: `BITS], acts[`ACTS_AT +: `ACT])) + wide(times_term(tile[`BITS +: `BITS], acts[`ACTS_AT+`ACT +: `ACT]))
`ifdef LANE2
    + wide(times_term(tile[2*`BITS +: `BITS], acts[`ACTS_AT+2*`ACT +: `ACT]))
`endif
  ;
  function signed [`SUMS+3:0] wide(input signed [`SUMS-1:0] product);
    wide = product;
  endfunction
  reg signed [`SUMS+3:0] wide_so_far = 0;
  reg [3:0] tiles_so_far = 0;  // complete ones
  wire signed [`SUMS+3:0] wide_total = wide_so_far + (residual ? wide_products : wide_products <<< `SHIFT);
  wire signed [`SUMS+3:0] most = tiles_so_far * `TILE_MOST + (residual ? `FIRST_MOST : 0);
  always @(posedge clk) if (rst) begin
    {wide_so_far, tiles_so_far} <= 0;
  end else begin
    assume (!have_tile || residual || tile[`TILES-1] || tiles_so_far < `TILES_MOST - 1);
    if (issue) wide_so_far <= complete ? 0 : wide_total;
    if (issue && !two_word) tiles_so_far <= complete ? 0 : tiles_so_far + 1;
    assert (tiles_so_far < `TILES_MOST - (residual && !ends));
    assert (-most <= wide_so_far && wide_so_far <= most);
    assert (wide_so_far == wide(so_far));
    assert (!issue || wide_total == wide(total));
  end
`endif

  // The model's total after each beat that is on its way through the device, moving with it; the sums that wait.
  reg signed [`SUMS-1:0] total0, total1, total2, total3, total_held, total_sent;
  reg signed [`SUMS-1:0] total_done0, total_done1, total_full0, total_full1;
  always @(posedge clk) begin
    if (!held) {total0, total1, total2, total3} <= {total, total0, total1, total2};
`ifdef BUFFERED
    if (move[0]) total_full0 <= total_done0;
    if (move[1]) total_full1 <= total_done1;
    if (ended[0]) total_done0 <= total3;
    if (ended[1]) total_done1 <= total3;
`else
    if (!held) total_held <= total_last;
    if (!sums__valid || sums__ready) total_sent <= held ? total_held : total_last;
`endif
  end

  // What each of these beats will add, and the sum so far before it. The operand part's output is the last register of
  // its adders.
  wire signed [`VALUE-1:0] value = operands_values[`PIXEL*`VALUE +: `VALUE];
  wire signed [`SUMS-1:0] operand = value + $signed({1'b0, operands_carry });
`ifdef BUFFERED
  function signed [`SUMS-1:0] lane(
    input zero, input negative, input signed [`SHIFTED:0] shifted, input far
  );
    begin
      lane = zero ? 0 : shifted;
      if (far) lane = lane <<< 2 * `STEP;
      if (negative) lane = -lane;
    end
  endfunction
  wire signed [`SUMS-1:0] sum0 =
    lane(operands_zero0_late0, operands_negative0_late0, operands_shifted0_late0, operands_select0_late0) +
    lane(operands_zero1_late0, operands_negative1_late0, operands_shifted1_late0, operands_select1_late0);
  wire signed [`SUMS-1:0] sum1 = operands_product0 + operands_product1 +
    $signed({1'b0, operands_product0_carry }) + $signed({1'b0, operands_product1_carry });
  wire signed [`SUMS-1:0] sum2 = operand;
  wire signed [`SUMS-1:0] add3 = accumulators_operand + $signed({1'b0, accumulators_operand_carry });
  // Of the accumulators one adds; the other one holds a complete sum, or 0.
  wire signed [`SUMS-1:0] adding = turn ? accumulators_accumulator1 : accumulators_accumulator0;
  wire signed [`SUMS-1:0] other = turn ? accumulators_accumulator0 : accumulators_accumulator1;
  wire signed [`SUMS-1:0] before3 = !settled || done[turn] ? 0 : adding;
  always @(posedge clk) if (started) begin
    assert (!beat0[0] || !(operands_zero0_late0 && operands_negative0_late0));
    assert (!beat0[0] || !(operands_zero1_late0 && operands_negative1_late0));
    assert (!settled || beat3[0] || add3 == 0);
    assert (!beat3[0] || before3 + add3 == total3);
    assert (!settled || done[!turn] || other == 0);
    assert (!done[0] || accumulators_accumulator0 == total_done0);
    assert (!done[1] || accumulators_accumulator1 == total_done1);
    assert (!full[0] || accumulators_sum0 == total_full0);
    assert (!full[1] || accumulators_sum1 == total_full1);
    if (sums__valid) assert (sums == (read ? total_full1 : total_full0));
  end
`else
  wire signed [`SUMS-1:0] product0 = operands_product0 + $signed({1'b0, operands_product0_carry });
  wire signed [`SUMS-1:0] product1 = selected(operands_negative1,
    operands_option1_0, operands_option1_1, operands_option1_2, operands_option1_3);
  wire signed [`SUMS-1:0] before_last = held || was_reset ? 0 : accumulators_accumulator;
  wire signed [`SUMS-1:0] before3 = before_last;
  always @(posedge clk) if (started) begin
    assert (!held || accumulators_accumulator == total_held);
    if (sums__valid) assert (sums == total_sent);
  end
`ifdef STAGE2
  // The third lane is one register behind.
  wire signed [`SUMS-1:0] partial = operands_partial0_0 + $signed({1'b0, operands_partial0_0_carry });
  wire signed [`SUMS-1:0] total_last = total2;
  wire signed [`SUMS-1:0] sum0 =
    product0 + product1 + times_term(operands_decoder2_word, act2_late0);
  wire signed [`SUMS-1:0] sum1 = partial + selected(operands_negative2,
    operands_option2_0, operands_option2_1, operands_option2_2, operands_option2_3);
  wire signed [`SUMS-1:0] sum2 = operand;
`else
  wire signed [`SUMS-1:0] total_last = total1;
  wire signed [`SUMS-1:0] sum0 = product0 + product1;
  wire signed [`SUMS-1:0] sum1 = operand;
  wire signed [`SUMS-1:0] sum2 = 0;
`endif
  function signed [`SUMS-1:0] selected(
    input negative, input signed [`SHIFTED-1:0] option0, option1, option2, option3
  );
    reg signed [`PRODUCT-1:0] part0, part1, part2, part3, magnitude;
    begin
      part0 = option0;
      part1 = option1;
      part2 = option2;
      part3 = option3;
      magnitude = part0 | part1 <<< `STEP | part2 <<< 2 * `STEP | part3 <<< 3 * `STEP;
      selected = magnitude;
      if (negative) selected = -selected;
    end
  endfunction
`endif
  wire signed [`SUMS-1:0] add0 = sum0 <<< (beat0[1] ? `SHIFT : 0);
  wire signed [`SUMS-1:0] add1 = sum1 <<< (beat1[1] ? `SHIFT : 0);
  wire signed [`SUMS-1:0] add2 = sum2 <<< (beat2[1] ? `SHIFT : 0);
  wire signed [`SUMS-1:0] before2 = beat3[2] ? 0 : beat3[0] ? total3 : before3;
  wire signed [`SUMS-1:0] before1 = beat2[2] ? 0 : beat2[0] ? total2 : before2;
  wire signed [`SUMS-1:0] before0 = beat1[2] ? 0 : beat1[0] ? total1 : before1;
  wire signed [`SUMS-1:0] before = beat0[2] ? 0 : beat0[0] ? total0 : before0;
  always @(posedge clk) if (started) begin
    assert (have_tile == alignment_tile_full && have_acts == alignment_acts_full);
    assert (!have_tile || tile[`TILES-3:0] == alignment_words);
    assert (!have_acts || acts == alignment_activations);
    assert (residual == alignment_residual);
    assert (!in_alignment || (residual ? ends : tile[`TILES-1]) == alignment_last);
    assert (!have_tile || residual || tile[`TILES-2] == alignment_two_word);
    assert (!beat2[0] || before2 + add2 == total2);
    assert (!beat1[0] || before1 + add1 == total1);
    assert (!beat0[0] || before0 + add0 == total0);
    assert (before == so_far);
  end
`endif
endmodule
