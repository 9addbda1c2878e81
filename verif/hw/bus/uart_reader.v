`timescale 1ns / 1ps
// Reads the bytes of a UART, 8N1: `came` rises when `value` holds one, in the middle of its stop bit.
module uart_reader (
  input clk,
  input tx,
  output reg [7:0] value,
  output reg came
);
  parameter DIVISOR = 4;  // cycles of a bit

  integer at;
  initial came = 0;
  always @(negedge tx) begin
    came = 0;
    // The middle of each bit.
    repeat (DIVISOR / 2) @(posedge clk);
    for (at = 0; at < 8; at = at + 1) begin
      repeat (DIVISOR) @(posedge clk);
      value[at] = tx;
    end
    repeat (DIVISOR) @(posedge clk);
    if (!tx) $display("no stop bit");
    came = 1;
  end
endmodule
