// The ULX3S's design at its pins, in the place of `stlq_rom`.  It resets itself, so `rst` does nothing.
module stlq_rom (
  input clk, input rst, input rx, output tx, output busy, output [3:0] error, output overrun
);
  wire led_1;
  board board (
    .clk25_0__io(clk), .uart_0__rx__io(rx), .uart_0__tx__io(tx), .led_0__io(busy), .led_1__io(led_1)
  );
  assign error = {3'b0, led_1};
  assign overrun = 0;
endmodule
