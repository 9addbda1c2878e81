`timescale 1ns / 1ps
// A quad SPI flash, W25Q or alike, as far as a reader of programs needs one: it checks commands, lanes and times, in
// cycles of `clk`, the reader's clock.  What is wrong is printed as `flash: ...`.
module flash #(
    parameter BYTES = 1024,
    parameter ADDRESS = 0,  // of the first byte of the file
    parameter WAKE = 4  // cycles from wake-up, or from power-up, until it takes a command
) (
    input clk, input cs_n, input sck, input [3:0] from_host, input host_drives, output [3:0] to_host
);
  reg [7:0] bytes [0:BYTES-1];
  reg asleep = 1, volatile_write = 0, quad = 0;
  reg [7:0] command = 0;
  reg [39:0] taken = 0;  // bits of this frame, the last one lowest
  reg [3:0] given = 4'hz;
  integer count = 0, at = 0, quiet = 0, reads = 0;

  initial $readmemh("flash.hex", bytes);
  assign to_host = given;

  reg cs_before = 1;
  always @(posedge clk) begin
    quiet <= cs_n ? quiet + 1 : 0;
    cs_before <= cs_n;
    if (given !== 4'hz && host_drives) $display("flash: both drive the lanes");
  end

  always @(negedge cs_n) begin
    if (sck) $display("flash: selected while the clock is 1");
    if (quiet < WAKE) $display("flash: a frame %0d cycles after the last one", quiet);
    count = 0;
    taken = 0;
  end

  always @(posedge sck) if (!cs_n) begin
    count = count + 1;
    if (count <= 32) begin
      if (!host_drives) $display("flash: nobody drives a command");
      if (!quad && from_host[3:2] !== 2'b11) $display("flash: hold or write protect is 0");
      taken = {taken, from_host[0]};
    end else if (host_drives) $display("flash: the host drives behind the address");
    if (count == 8) begin
      command = taken[7:0];
      if (asleep && command != 8'hab) $display("flash: command %h while asleep", command);
      if (command == 8'h6b && !quad) $display("flash: a quad read without quad enable");
      if (command != 8'hab && command != 8'h50 && command != 8'h31 && command != 8'h6b)
        $display("flash: command %h", command);
    end
    if (count == 32 && command == 8'h6b) begin
      at = taken[23:0] - ADDRESS;
      reads = reads + 1;
      $display("read %0d", at);
    end
  end

  // Data come on four lanes behind eight idle clocks, each nibble with a falling edge; behind the file nobody knows what.
  always @(negedge sck) if (!cs_n && command == 8'h6b && count >= 40) begin
    given <= #6 at < 0 || at >= BYTES ? 4'hx : count % 2 ? bytes[at][3:0] : bytes[at][7:4];
    if (count % 2) at = at + 1;
  end

  always @(posedge cs_n) if (!cs_before) begin
    given <= #6 4'hz;
    if (count == 8 && command == 8'hab) asleep = 0;
    else if (count == 8 && command == 8'h50) volatile_write = 1;
    else if (count == 16 && command == 8'h31 && volatile_write) begin
      quad = taken[1];
      volatile_write = 0;
    end else if (command != 8'h6b || count < 40) $display("flash: frame %h of %0d bits", command, count);
    command = 0;
  end
endmodule
