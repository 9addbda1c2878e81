  // The host's registers, and how far each range is.
  wire [1:0][3:0] on_their_way;  // words of program and inputs that were asked for
  wire [3:0] due;                 // words of outputs that a burst still takes
  wire [2:0] requests;
  wire [61:0] request;
  wire [7:0] further;
  wire idle;                      // nothing is asked for, or was and has no answer

  wire running = busy && !clear;
  wire [2:0] offered = fsm_state << burst_range;
  generate for (genvar which = 0; which < 3; which++) begin : ranges
    range_rules #(.FIRST(16 + 4 * which), .HIGH(`HIGH)) rules (
      .clk(clk), .rst(rst), .write(host_writes && !busy), .register(host_register), .data(registers_data),
      .busy(busy), .clear(clear), .fresh(fresh[which]), .used_up(used_up[which]), .allowed(allowed[3 * which +: 3]),
      .offered(offered[which]), .offers(offered[which] && bursts_valid), .more(burst_more),
      .start({high[which], low[which]}), .next({high[4 + which], low[4 + which]}), .now({high_now, low_now}),
      .start_left(left[which]), .next_left(left[4 + which]), .now_left(left_now),
      .requests(requests[which]), .address(request), .further(further));
  end endgenerate

  wire [3:0] program_count, inputs_count, outputs_count;
  queue_rules program_queue (program_newest, program_oldest, program_valid, program_count);
  queue_rules inputs_queue (inputs_newest, inputs_oldest, inputs_valid, inputs_count);
  queue_rules outputs_queue (outputs_newest, outputs_oldest, outputs_valid, outputs_count);
  always @* begin
    // Each word that was asked for has its place.
    assert (program_places == on_their_way[0] + program_count && program_places <= 4);
    assert (inputs_places == on_their_way[1] + inputs_count && inputs_places <= 4);
    if (offered[0]) assert (program_places <= 2);
    if (offered[1]) assert (inputs_places <= 2);
    // Each word that a burst takes is there.
    assert (outputs_count == level + due && level <= 2);
    // Before a run, and after its end, nothing is read or written.
    if (!running) assert (idle && !active && !fsm_state);
    if (clear) assert (busy);
    assert (!busy || !done && !irq);
    assert (burst_range != 3);
  end
