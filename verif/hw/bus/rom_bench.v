`timescale 1ns / 1ps
// `stlq_rom` from its pins: bytes in and out over the UART, and the program in flash if IN_FLASH is defined, or in block RAM.
// Prints every byte that leaves.
module rom_bench;
  parameter DIVISOR = 4;
  parameter INPUTS = 1;  // bytes, of all inferences
  parameter OUTPUTS = 1;  // bytes that are to come
  parameter FLASH_BYTES = 1024;
  parameter FLASH_ADDRESS = 0;
  parameter WAKE = 4;
  parameter RESET = 4;  // cycles
  parameter NOISE = 0;  // bytes that come before the break with which all begins
  parameter LIMIT = 100000;

  reg clk = 0, rst = 1, rx = 1;
  always #5 clk = ~clk;
  wire tx, overrun, busy;
  wire [3:0] error;
`ifdef IN_FLASH
  wire cs_n, sck, oe;
  wire [3:0] out, in;
  stlq_rom top (
    .clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy), .error(error), .overrun(overrun),
    .flash__cs_n(cs_n), .flash__clk(sck), .flash__o(out), .flash__oe(oe), .flash__i(in)
  );
  flash #(.BYTES(FLASH_BYTES), .ADDRESS(FLASH_ADDRESS), .WAKE(WAKE)) chip (
    .clk(clk), .cs_n(cs_n), .sck(sck), .from_host(out), .host_drives(oe), .to_host(in)
  );
`else
  stlq_rom top (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy), .error(error), .overrun(overrun));
`endif

  reg [7:0] inputs [0:INPUTS-1];
  integer i, place, got = 0, cycle = 0;
  always @(posedge clk) begin
    cycle <= cycle + 1;
    if (overrun) $display("overrun");
    if (error) $display("error %0d", error);
    if (cycle == LIMIT) begin
      $display("late");
      $finish;
    end
  end

  task send(input [7:0] value, input stop);
    begin
      rx <= 0;
      repeat (DIVISOR) @(posedge clk);
      for (place = 0; place < 8; place = place + 1) begin
        rx <= value[place];
        repeat (DIVISOR) @(posedge clk);
      end
      rx <= stop;
      repeat (DIVISOR) @(posedge clk);
      rx <= 1;
    end
  endtask

  initial begin
    $readmemh("inputs.hex", inputs);
    repeat (RESET) @(posedge clk);
    rst <= 0;
    if (NOISE) begin
      for (i = 0; i < NOISE; i = i + 1) send(8'h55, 1);
      for (i = 0; i < 3; i = i + 1) send(8'h00, 0);
      repeat (2 * DIVISOR) @(posedge clk);
    end
    for (i = 0; i < INPUTS; i = i + 1) send(inputs[i], 1);
  end

  wire [7:0] seen;
  wire left;
  uart_reader #(.DIVISOR(DIVISOR)) reader (.clk(clk), .tx(tx), .value(seen), .came(left));
  always @(posedge left) begin
    $display("byte %0d %0d", cycle, seen);
    got = got + 1;
    if (got == OUTPUTS) begin
      repeat (DIVISOR) @(posedge clk);
      $finish;
    end
  end
endmodule
