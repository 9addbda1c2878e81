`timescale 1ns / 1ps
// `stlq_rom` from the pins of its UART, as a host on standard input says; a line is one of
//   send XX     a byte
//   break 0     a break of 30 bits
//   read N      wait up to N cycles (hexadecimal) for a byte, and print it, or `none`
module uart_host;
  parameter DIVISOR = 4;

  reg clk = 0, rst = 1, rx = 1;
  always #5 clk = ~clk;
  wire tx, overrun, busy;
  wire [3:0] error;
  stlq_rom top (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy), .error(error), .overrun(overrun));

  // The bytes that left.
  wire [7:0] seen;
  wire left;
  uart_reader #(.DIVISOR(DIVISOR)) reader (.clk(clk), .tx(tx), .value(seen), .came(left));
  reg [7:0] bytes [0:65535];
  integer came = 0, taken = 0;
  always @(posedge left) begin
    bytes[came] = seen;
    came = came + 1;
  end

  task hold(input level, input integer bits);
    begin
      rx <= level;
      repeat (bits * DIVISOR) @(posedge clk);
    end
  endtask

  reg [39:0] word;
  integer value, found, bit, cycle;
  initial begin
    repeat (4) @(posedge clk);
    rst <= 0;
    found = $fscanf(32'h8000_0000, " %s %h", word, value);
    while (found == 2) begin
      if (word == "send") begin
        hold(0, 1);
        for (bit = 0; bit < 8; bit = bit + 1) hold(value[bit], 1);
        hold(1, 1);
      end else if (word == "break") begin
        hold(0, 30);
        hold(1, 2);
      end else if (word == "read") begin
        for (cycle = 0; cycle < value && taken == came; cycle = cycle + 1) @(posedge clk);
        if (taken == came) $display("none");
        else begin
          $display("%h", bytes[taken]);
          taken = taken + 1;
        end
        $fflush;
      end
      found = $fscanf(32'h8000_0000, " %s %h", word, value);
    end
    $finish;
  end
endmodule
