// The sequencer, by induction and thus for ever: an element is due only of a half that is full, each of a position once and
// in order; a half is freed only when full, with its last element. For any jobs, and a loader that keeps what is full: of
// that, groups_proof.sv is the proof.
module sequencer_proof (
  // INPUTS
);
  // DEVICE

  reg begun = 0;
  always @(posedge clk) begin
    begun <= 1;
    if (!begun) assume (rst);
  end

  // A half stays full until it is freed; then it is filled anew.
  integer k;
  always @(posedge clk) if (begun && !$past(rst)) for (k = 0; k < 2; k = k + 1) begin
    if ($past(full[k])) assume (full[k] == !$past(front_frees[k]));
    if ($past(full[k]) && full[k]) begin
      assume ($stable(ends[`BEAT_BITS*k +: `BEAT_BITS]));
      assume ($stable(idles[`IDLE_BITS*k +: `IDLE_BITS]));
    end
  end

  // The place of the next element in its position; groups take turns.
  reg turn = 0;
  reg [`BEAT_BITS-1:0] place = 0;
  wire [`BEAT_BITS-1:0] last = ends[`BEAT_BITS*turn +: `BEAT_BITS];
  always @(posedge clk) if (rst) {turn, place} <= 0; else begin
    turn <= turn ^ |front_frees;
    if (issue) place <= place == last ? 0 : place + 1;
  end

  // WIRES
  always @(posedge clk) if (begun && !rst) begin
    assert (half == turn);
    if (issue) assert (full[half] && index == place && place <= last);
    assert (finish == (issue && place == last));
    assert (front_frees == 0 || finish && front_frees == 2'b1 << half);

    // For the induction.
    assert (!(running && holding));
    if (running) begin
      assert (full[half] && place <= last);
      assert (dut_left == {1'b0, place} - {1'b0, last});
      if (dut_place[`PLACE-1]) assert (place == 0);
      else assert (dut_place == place);
    end else assert (place == 0);
  end
endmodule
