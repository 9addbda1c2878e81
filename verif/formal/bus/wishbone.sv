// Proven by induction, thus for ever, for small buffers, whatever host, memory and engine do within Wishbone's rules.
module proof (
  input clk, rst,
  input registers__cyc, registers__stb, registers__we, input [4:0] registers__adr, input [3:0] registers__sel,
  input [31:0] registers__dat_w, memory__dat_r, input memory__stall, memory__ack, memory__err
);
  wire registers__stall, registers__ack, registers__err, irq, memory__cyc, memory__stb, memory__we;
  wire [31:0] registers__dat_r, memory__dat_w;
  wire [29:0] memory__adr;
  wire [3:0] memory__sel;
  stlq_wishbone dut (.*);
  // INSIDE
  // CORE

  // A request that is stalled holds, and a cycle of the bus goes on until all are answered, in one direction.
  wire [66:0] asked = {memory__cyc, memory__we, memory__adr, memory__sel, memory__we ? memory__dat_w : 32'b0};
  held #(68) request_held (clk, rst, memory__stb, !memory__stall, asked);
  reg [3:0] owed;  // answers
  reg was_cycle, was_writing;
  wire asks = memory__stb && !memory__stall, answered = memory__ack || memory__err;
  always @* if (answered) assume (memory__cyc && (owed != 0 || asks));
  always @(posedge clk) begin
    owed <= rst ? 0 : owed + asks - answered;
    was_cycle <= !rst && memory__cyc;
    was_writing <= memory__we;
  end
  wire [3:0] remaining = master_active ? master_more + 1 : 0;
  generate for (genvar which = 0; which < 3; which++) begin : masters
    assign requests[which] = master_active && master_serves == which;
  end endgenerate
  assign request = {32'b0, memory__adr};
  assign further = master_more;
  assign on_their_way[0] = memory__cyc && master_serves == 0 ? owed + remaining : 0;
  assign on_their_way[1] = memory__cyc && master_serves == 1 ? owed + remaining : 0;
  assign due = memory__we ? remaining : 0;
  assign idle = !memory__cyc && !memory__stb;
  always @* begin
    if (memory__stb) assert (memory__cyc && memory__sel == 15 && memory__we == requests[2]);
    if (owed != 0 || master_active) assert (memory__cyc);
    if (memory__cyc && was_cycle) assert (memory__we == was_writing);
    if (memory__cyc) assert (memory__we == (master_serves == 2));
    if (master_active) assert (request[0] + further <= 1);
    assert (master_serves != 3);
    assert (master_waiting == owed && owed + remaining <= 6);
  end

  // Registers: each access gets one answer, in the next cycle.
  reg asked_for;
  wire host_writes = registers__cyc && registers__stb && registers__we && !registers__stall && registers__sel == 15;
  wire [4:0] host_register = registers__adr;
  wire [31:0] registers_data = registers__dat_w;
  always @(posedge clk) asked_for <= !rst && registers__cyc && registers__stb && !registers__stall;
  always @* begin
    assert ((registers__ack || registers__err) == asked_for && !(registers__ack && registers__err));
    assert (registers__stall == asked_for);
  end
endmodule
