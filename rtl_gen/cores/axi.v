  reg awvalid = 0, wvalid = 0, arvalid = 0;
  reg [6:0] address;
  reg [31:0] wdata;
  wire awready, wready, bvalid, arready, rvalid;
  wire [1:0] bresp, rresp;
  wire [31:0] rdata;
  wire memory_awvalid, memory_wlast, memory_wvalid, memory_bready, memory_arid, memory_arvalid, memory_rready, irq;
  wire memory_awid;
  wire [63:0] memory_awaddr, memory_araddr;
  wire [7:0] memory_arlen;
  wire [`BUS_BITS-1:0] memory_wdata;
  reg reading = 0, read_id, writing = 0, write_id, answering = 0;
  reg [7:0] read_left;
  integer read_at = 0, write_at = 0;
  `TOP top (
    .clk(clk), .rst(rst), .irq(irq),
    .registers__awaddr(address), .registers__awprot(3'd0), .registers__awvalid(awvalid), .registers__awready(awready),
    .registers__wdata(wdata), .registers__wstrb(4'hf), .registers__wvalid(wvalid), .registers__wready(wready),
    .registers__bresp(bresp), .registers__bvalid(bvalid), .registers__bready(1'b1),
    .registers__araddr(address), .registers__arprot(3'd0), .registers__arvalid(arvalid), .registers__arready(arready),
    .registers__rdata(rdata), .registers__rresp(rresp), .registers__rvalid(rvalid), .registers__rready(1'b1),
    .memory__awid(memory_awid), .memory__awaddr(memory_awaddr), .memory__awlen(), .memory__awsize(),
    .memory__awburst(), .memory__awcache(), .memory__awprot(), .memory__awvalid(memory_awvalid),
    .memory__awready(!writing && !answering), .memory__wdata(memory_wdata), .memory__wstrb(),
    .memory__wlast(memory_wlast), .memory__wvalid(memory_wvalid), .memory__wready(writing),
    .memory__bid(write_id), .memory__bresp(2'd0), .memory__bvalid(answering), .memory__bready(memory_bready),
    .memory__arid(memory_arid), .memory__araddr(memory_araddr), .memory__arlen(memory_arlen), .memory__arsize(),
    .memory__arburst(), .memory__arcache(), .memory__arprot(), .memory__arvalid(memory_arvalid),
    .memory__arready(!reading), .memory__rid(read_id), .memory__rdata(memory[read_at]), .memory__rresp(2'd0),
    .memory__rlast(read_left == 0), .memory__rvalid(reading), .memory__rready(memory_rready)
  );

  // The memory serves one burst of reads and one of writes at a time.
  always @(posedge clk) begin
    if (!reading && memory_arvalid) begin
      reading <= 1;
      read_id <= memory_arid;
      read_left <= memory_arlen;
      read_at <= memory_araddr / BYTES;
    end else if (reading && memory_rready) begin
      reading <= read_left != 0;
      read_left <= read_left - 1;
      read_at <= read_at + 1;
    end
    if (!writing && !answering && memory_awvalid) begin
      writing <= 1;
      write_id <= memory_awid;
      write_at <= memory_awaddr / BYTES;
    end else if (writing && memory_wvalid) begin
      memory[write_at] <= memory_wdata;
      write_at <= write_at + 1;
      writing <= !memory_wlast;
      answering <= memory_wlast;
    end else if (answering && memory_bready) answering <= 0;
  end

  always @(posedge clk) begin
    if (awvalid && awready) awvalid <= 0;
    if (wvalid && wready) wvalid <= 0;
    if (arvalid && arready) arvalid <= 0;
  end

  task write_register(input [6:0] where, input [31:0] value);
    begin
      address <= where;
      wdata <= value;
      awvalid <= 1;
      wvalid <= 1;
      @(posedge clk);
      while (!bvalid) @(posedge clk);
      if (bresp != 0) $fatal(1, "fail: an error response at %h", where);
    end
  endtask

  task read_register(input [6:0] where, output [31:0] value);
    begin
      address <= where;
      arvalid <= 1;
      @(posedge clk);
      while (!rvalid) @(posedge clk);
      if (rresp != 0) $fatal(1, "fail: an error response at %h", where);
      value = rdata;
    end
  endtask
