  reg host_cyc = 0, host_we = 0, memory_ack = 0;
  reg [4:0] host_adr;
  reg [31:0] host_dat_w;
  reg [`BUS_BITS-1:0] memory_dat_r;
  wire host_stall, host_ack, host_err, cyc, stb, we, irq;
  wire [31:0] host_dat_r;
  wire [`ADDRESS_BITS-1:0] adr;
  wire [`BUS_BITS-1:0] dat_w;
  wire [BYTES-1:0] sel;
  `TOP top (
    .clk(clk), .rst(rst), .irq(irq),
    .registers__cyc(host_cyc), .registers__stb(host_cyc), .registers__we(host_we), .registers__adr(host_adr),
    .registers__dat_w(host_dat_w), .registers__sel(4'hf), .registers__dat_r(host_dat_r),
    .registers__stall(host_stall), .registers__ack(host_ack), .registers__err(host_err),
    .memory__cyc(cyc), .memory__stb(stb), .memory__we(we), .memory__adr(adr), .memory__dat_w(dat_w),
    .memory__sel(sel), .memory__dat_r(memory_dat_r), .memory__stall(1'b0), .memory__ack(memory_ack), .memory__err(1'b0)
  );

  // The memory answers a cycle later, and takes a request in each cycle.
  always @(posedge clk) begin
    memory_ack <= cyc & stb;
    memory_dat_r <= memory[adr];
    if (cyc & stb & we) memory[adr] <= dat_w;
  end

  task access(input writes, input [6:0] address, input [31:0] value);
    begin
      host_we <= writes;
      host_adr <= address[6:2];
      host_dat_w <= value;
      host_cyc <= 1;
      @(posedge clk);
      while (!(host_ack | host_err)) @(posedge clk);
      if (host_err) $fatal(1, "fail: an error response at %h", address);
      host_cyc <= 0;
      @(posedge clk);
    end
  endtask

  task write_register(input [6:0] address, input [31:0] value);
    access(1, address, value);
  endtask

  task read_register(input [6:0] address, output [31:0] value);
    begin
      access(0, address, 0);
      value = host_dat_r;
    end
  endtask
