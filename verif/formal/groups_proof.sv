// The loader's part for groups, by induction and thus for ever: no half of the buffers is written while it is in use, and
// each bus word of a beat goes to the place behind the one before it. For any program, and a consumer that frees what is
// full: of that, sequencer_proof.sv is the proof.
module groups_proof (
  // INPUTS
);
  // DEVICE

  reg begun = 0;
  always @(posedge clk) begin
    begun <= 1;
    if (!begun) assume (rst);
  end

  // WIRES

  // What a consumer may still use. The words of a half's last beat are read `LATE cycles after it is freed.
  reg half = 0;
  reg [1:0] full = 0, kept = 0, back = 0;
  reg [2*`LATE-1:0] late = 0;
  reg [1:0] used;
  integer k;
  always @* begin
    used = full;
    for (k = 0; k < `LATE; k = k + 1) used = used | late[2*k +: 2];
  end
  wire [1:0] here = 2'b1 << half;
  // States: 0 group, 1 flags, 2 beats, 3 scales, 4 offsets.
  wire take = valid && room;
  wire beat_in = take && fsm_state == 2, scale_in = take && fsm_state == 3, offset_in = take && fsm_state == 4;
  always @(posedge clk) if (rst) {half, full, kept, back, late} <= 0; else begin
    half <= half ^ done;
    full <= full & ~buffers__front_frees | (done ? here : 2'b0);
    late <= {late, buffers__front_frees};
    // Parameters are kept from the group's last word on.
    kept <= kept & ~buffers__back_frees | (done && offset_in ? here : 2'b0);
    back <= buffers__back_frees;
  end
  always @* begin
    assume (!(buffers__front_frees & ~full));
    assume (!(buffers__back_frees & ~kept));
  end

  // Where the next bus word goes: slot, beat of the group, chunk of its channels, term of a chunk.
  reg [7:0] slot = 0;
  reg [`BEAT_BITS-1:0] beat = 0;
  reg [`CHUNK_BITS-1:0] chunk = 0;
  reg [1:0] term = 0;
  wire last_term = offset_in || term == add_terms;
  wire last_slot = slot == (beat_in ? `BEAT_SLOTS : scale_in ? `SCALE_SLOTS : `OFFSET_SLOTS) - 1;
  always @(posedge clk) if (rst || done) {slot, beat, chunk, term} <= 0; else if (beat_in || scale_in || offset_in) begin
    slot <= last_slot ? 0 : slot + 1;
    beat <= beat + (beat_in && last_slot);
    chunk <= chunk + ((scale_in || offset_in) && last_slot && last_term);
    if (scale_in && last_slot) term <= last_term ? 0 : term + 1;
  end

  // A bus word is at the stores a cycle after it is taken.
  reg beat_due = 0, scale_due = 0, offset_due = 0, done_due = 0;
  reg [7:0] due_slot;
  reg [1:0] due_here;
  reg [`BEAT_BITS:0] due_beat;
  reg [`CHUNK_BITS:0] due_chunk;
  reg [1:0] due_term;
  always @(posedge clk) begin
    {beat_due, scale_due, offset_due} <= rst ? 0 : {beat_in, scale_in, offset_in};
    done_due <= done;
    {due_here, due_slot, due_beat, due_chunk, due_term} <= {here, slot, half, beat, half, chunk, term};
  end

  always @(posedge clk) if (begun && !rst) begin
    assert (buffers__full == full);
    if (done) assert (!(full & here));
    assert ({|buffers__beats__slot, |buffers__scales__slot, |buffers__offsets__slot} == {beat_due, scale_due, offset_due});
    if (beat_due) begin
      assert (!(used & due_here) && buffers__beats__target == due_beat);
      assert (buffers__beats__slot == 1 << due_slot && buffers__beats__word == $past(word));
    end
    if (scale_due) begin
      assert (!((kept | back) & due_here) && buffers__scales__target == {due_chunk, due_term});
      assert (buffers__scales__slot == 1 << due_slot && buffers__scales__word == $past(word));
    end
    if (offset_due) begin
      // The group's last word comes in the first cycle in which the half is full: the offsets are read later.
      assert (done_due || !((kept | back) & due_here));
      assert (buffers__offsets__target == due_chunk);
      assert (buffers__offsets__slot == 1 << due_slot && buffers__offsets__word == $past(word));
    end
    for (k = 0; k < 2; k = k + 1) if (full[k] && $past(full[k]) && !$past(rst)) begin
      assert ($stable(buffers__ends[`BEAT_BITS*k +: `BEAT_BITS]));
      assert ($stable(buffers__idles[`IDLE_BITS*k +: `IDLE_BITS]));
    end

    // The job's terms stay while its groups are read.
    if ($past(fsm_state == 3)) assume ($stable(add_terms));

    // For the induction.
    assert (dut_term == term && (fsm_state == 3 ? term <= add_terms : term == 0));
    assert (fsm_state <= 4 && dut_half == half && dut_kept == kept);
    assert (occupied == (full | late[0 +: 2] | late[2 +: 2]));
    assert ($past(rst) || half_occupied || !(full & here) && !(late[0 +: 6] & {3{here}}));
    assert ($past(rst || done) || half_kept || !((kept | back) & here));
    if (fsm_state != 0) assert (!(full & here) && !(late[0 +: 8] & {4{here}}));
    if (fsm_state > 1) assert (!(used & here));
    if (fsm_state == 4) assert (!((kept | back) & here));
    assert (dut_slot == (fsm_state > 1 ? slot : 0) && (fsm_state > 1 || slot == 0));
    assert (entry == (fsm_state > 2 ? chunk : 0) && (fsm_state > 2 || chunk == 0));
    assert (fsm_state != 1 && fsm_state != 2 || tile_beat == beat);
    assert (fsm_state != 0 || beat == 0);
    assert (slot < (fsm_state == 2 ? `BEAT_SLOTS : fsm_state == 3 ? `SCALE_SLOTS : fsm_state == 4 ? `OFFSET_SLOTS : 1));
  end
endmodule
