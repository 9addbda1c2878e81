// The iCEBreaker's design at its pins, in the place of `stlq_rom`.  It resets itself, so `rst` does nothing.
module stlq_rom (
  input clk, input rst, input rx, output tx, output busy, output [3:0] error, output overrun,
  output flash__cs_n, output flash__clk, output [3:0] flash__o, output flash__oe, input [3:0] flash__i
);
  wire [3:0] lanes;
  wire led_0, led_1;
  board board (
    .clk12_0__io(clk), .uart_0__rx__io(rx), .uart_0__tx__io(tx), .led_0__io(led_0), .led_1__io(led_1),
    .spi_flash_4x_0__cs__io(flash__cs_n), .spi_flash_4x_0__clk__io(flash__clk), .spi_flash_4x_0__dq__io(lanes)
  );
  assign lanes = flash__i;  // 4'bz while the flash is silent
  assign flash__o = lanes;
  assign flash__oe = board.\lanes.buf0 .OUTPUT_ENABLE;
  // LEDs light at 0.
  assign busy = !led_0;
  assign error = {3'b0, !led_1};
  assign overrun = 0;
endmodule
