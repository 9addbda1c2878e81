// Proven by induction, thus for ever, for small buffers, whatever host, memory and engine do within AXI's rules.
module proof (
  input clk, rst,
  input [6:0] registers__awaddr, registers__araddr, input [2:0] registers__awprot, registers__arprot,
  input [31:0] registers__wdata, input [3:0] registers__wstrb,
  input registers__awvalid, registers__wvalid, registers__bready, registers__arvalid, registers__rready,
  input memory__awready, memory__wready, memory__bid, memory__bvalid, memory__arready,
  input memory__rid, memory__rlast, memory__rvalid, input [1:0] memory__bresp, memory__rresp, input [31:0] memory__rdata
);
  wire registers__awready, registers__wready, registers__bvalid, registers__arready, registers__rvalid, irq;
  wire [1:0] registers__bresp, registers__rresp, memory__awburst, memory__arburst;
  wire [31:0] registers__rdata, memory__wdata;
  wire memory__awid, memory__arid, memory__awvalid, memory__arvalid, memory__wvalid, memory__wlast;
  wire memory__bready, memory__rready;
  wire [63:0] memory__awaddr, memory__araddr;
  wire [7:0] memory__awlen, memory__arlen;
  wire [2:0] memory__awsize, memory__arsize, memory__awprot, memory__arprot;
  wire [3:0] memory__awcache, memory__arcache, memory__wstrb;
  stlq_axi dut (.*);
  // INSIDE
  // CORE

  // Handshakes.
  wire [11:0] aw_kind = {memory__awsize, memory__awburst, memory__awcache, memory__awprot};
  wire [11:0] ar_kind = {memory__arsize, memory__arburst, memory__arcache, memory__arprot};
  wire [84:0] aw = {memory__awid, memory__awaddr, memory__awlen, aw_kind};
  wire [84:0] ar = {memory__arid, memory__araddr, memory__arlen, ar_kind};
  held #(85) aw_held (clk, rst, memory__awvalid, memory__awready, aw);
  held #(85) ar_held (clk, rst, memory__arvalid, memory__arready, ar);
  held #(37) w_held (clk, rst, memory__wvalid, memory__wready, {memory__wlast, memory__wstrb, memory__wdata});
  held #(34) rdata_held (clk, rst, registers__rvalid, registers__rready, {registers__rdata, registers__rresp});
  held #(2) response_held (clk, rst, registers__bvalid, registers__bready, registers__bresp);
  held #(10, 1) host_aw (clk, rst, registers__awvalid, registers__awready, {registers__awaddr, registers__awprot});
  held #(36, 1) host_w (clk, rst, registers__wvalid, registers__wready, {registers__wdata, registers__wstrb});
  held #(10, 1) host_ar (clk, rst, registers__arvalid, registers__arready, {registers__araddr, registers__arprot});

  // Requests: no burst crosses 4 KiB, nor leaves its range.
  assign requests = {memory__awvalid, memory__arvalid && memory__arid, memory__arvalid && !memory__arid};
  assign request = memory__awvalid ? memory__awaddr[63:2] : memory__araddr[63:2];
  assign further = memory__awvalid ? memory__awlen : memory__arlen;
  always @* begin
    assert (!(memory__awvalid && memory__arvalid));
    if (requests != 0) begin
      assert (request[9:0] + further < 1024);
      assert (aw_kind == {3'd2, 2'd1, 4'd3, 3'd0} && ar_kind == aw_kind);
      assert (memory__awaddr[1:0] == 0 && memory__araddr[1:0] == 0);
    end
  end

  // Reads: the memory gives the words of each identifier that were asked for, and marks the last one of each burst.
  reg [1:0][3:0] words, bursts;
  wire asks = memory__arvalid && memory__arready;
  wire [3:0] words_left = words[memory__rid] - 1, bursts_left = bursts[memory__rid] - memory__rlast;
  always @* begin
    if (memory__rvalid) assume (words[memory__rid] != 0 && (bursts[memory__rid] != 0 || !memory__rlast));
    if (memory__rvalid) assume (bursts_left <= words_left && (bursts_left == 0) == (words_left == 0));
  end
  generate for (genvar id = 0; id < 2; id++) begin : reads
    wire asked = asks && memory__arid == id, came = memory__rvalid && memory__rready && memory__rid == id;
    always @(posedge clk) begin
      words[id] <= rst ? 0 : words[id] + (asked ? memory__arlen + 1 : 0) - came;
      bursts[id] <= rst ? 0 : bursts[id] + asked - (came && memory__rlast);
    end
    assign on_their_way[id] = words[id] + (requests[id] ? memory__arlen + 1 : 0);
    always @* begin
      assert (words[id] <= 4 && on_their_way[id] <= 4);
      assert (bursts[id] <= words[id] && (bursts[id] == 0) == (words[id] == 0));
      assert (bursts[id] + requests[id] <= 3);
    end
  end endgenerate
  always @* begin
    assert (memory__rready && memory__bready);
    assert (master_bursts == bursts[0] + bursts[1] + memory__arvalid);
  end

  // Writes: as many words as the request says, then its answer.
  reg open, sent;  // the request was taken; the last word was
  reg [7:0] length, beats;
  wire [7:0] length_now = memory__awvalid ? memory__awlen : length;
  always @* if (memory__bvalid) assume (open && sent);
  always @(posedge clk) begin
    length <= length_now;
    if (memory__awvalid && memory__awready) open <= 1;
    if (memory__wvalid && memory__wready) begin
      beats <= memory__wlast ? 0 : beats + 1;
      if (memory__wlast) sent <= 1;
    end
    if (memory__bvalid) begin open <= 0; sent <= 0; end
    if (rst) begin open <= 0; sent <= 0; beats <= 0; end
  end
  assign due = master_active ? master_left + 1 : 0;
  assign idle = !memory__awvalid && !memory__arvalid && !memory__wvalid && !open && !sent && !words[0] && !words[1];
  always @* begin
    assert (!(open && memory__awvalid));
    assert (master_writing == (open || memory__awvalid));
    assert (!sent || master_writing);
    assert (master_active == (master_writing && !sent));
    if (master_active) assert (beats + master_left == length_now); else assert (beats == 0);
    if (memory__wvalid) assert (memory__wlast == (beats == length_now) && memory__wstrb == 15);
  end

  // Registers: each access gets one answer.
  reg reading, writing;
  wire host_writes = registers__wvalid && registers__wready && registers__wstrb == 15;
  wire [4:0] host_register = registers__awaddr[6:2];
  wire [31:0] registers_data = registers__wdata;
  always @(posedge clk) begin
    reading <= !rst && (reading && !registers__rready || registers__arvalid && registers__arready);
    writing <= !rst && (writing && !registers__bready || registers__awvalid && registers__awready);
  end
  always @* begin
    assert (registers__rvalid == reading && !(reading && registers__arready));
    assert (registers__bvalid == writing && !(writing && registers__awready));
    assert (registers__awready == registers__wready);
    if (registers__awready) assert (registers__awvalid && registers__wvalid);
  end
endmodule
