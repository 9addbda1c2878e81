`timescale 1ns / 1ps
// A host on the Wishbone of `soc.v`: it starts the engine, waits, and compares the outputs in memory with the golden's.
`include "sizes.vh"
module bench;
  reg clk = 0, rst = 1;
  always #5 clk = ~clk;

  reg cyc = 0, we = 0;
  reg [29:0] adr;
  reg [31:0] dat_w, value, expected [0:`OUTPUT_WORDS-1];
  wire [31:0] dat_r;
  wire ack, err;
  soc soc (
    .clk(clk), .rst(rst), .host_cyc(cyc), .host_stb(cyc), .host_we(we), .host_adr(adr), .host_dat_w(dat_w),
    .host_sel(4'hf), .host_cti(3'd0), .host_bte(2'd0), .host_dat_r(dat_r), .host_ack(ack), .host_err(err)
  );

  task access(input writes, input [31:0] address, input [31:0] data);
    begin
      we <= writes;
      adr <= address[31:2];
      dat_w <= data;
      cyc <= 1;
      @(posedge clk);
      while (!(ack | err)) @(posedge clk);
      if (err) $fatal(1, "fail: an error response at %h", address);
      value = dat_r;
      cyc <= 0;
      @(posedge clk);
    end
  endtask

  task set_range(input [31:0] first, input [31:0] address, input integer words);
    begin
      access(1, `ENGINE + first, `MEMORY + address);
      access(1, `ENGINE + first + 4, 0);
      access(1, `ENGINE + first + 8, 4 * words);
    end
  endtask

  integer at, wrong = 0;
  initial begin
    $readmemh("outputs.hex", expected);
    repeat (8) @(posedge clk);
    rst <= 0;
    repeat (8) @(posedge clk);
    set_range('h40, 0, `PROGRAM_WORDS);
    set_range('h50, `INPUTS_AT, `INPUT_WORDS);
    set_range('h60, `OUTPUTS_AT, `OUTPUT_WORDS);
    access(1, `ENGINE + 'h08, 1);
    value = 0;
    while (!value[1]) access(0, `ENGINE + 'h0c, 0);
    if (value[6:4] != 0) $fatal(1, "fail: status is %h", value);
    for (at = 0; at < `OUTPUT_WORDS; at = at + 1) begin
      access(0, `MEMORY + `OUTPUTS_AT + 4 * at, 0);
      if (value !== expected[at]) wrong = wrong + 1;
    end
    if (wrong != 0) $fatal(1, "fail: %0d words are wrong", wrong);
    access(0, `ENGINE + 'h10, 0);
    $display("pass: %0d words of outputs are the golden's, after %0d cycles", `OUTPUT_WORDS, value);
    $finish;
  end

  initial begin
    repeat (10_000_000) @(posedge clk);
    $fatal(1, "no end within 10,000,000 cycles");
  end
endmodule
