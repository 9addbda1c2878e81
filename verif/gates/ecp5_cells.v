// Cells of ECP5 of which Yosys's own models are empty.

// The reset of the whole chip: registers have their first values in a simulator anyway.
module SGSR(input GSR, CLK);
endmodule

// Block RAM as Yosys's mapper uses it.
// 1,024 words of 18 bits, two bytes of nine each.  A read in the cycle of a write gives what was there before.
// Ports of 36 bits write by port A and read by port B.  Anything else that the cell can do ends the simulation.
module DP16KD(
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
    DIA1, DIA0,
  input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input CEA, OCEA, CLKA, WEA, RSTA, CSA0, CSA1, CSA2,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
    DIB1, DIB0,
  input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input CEB, OCEB, CLKB, WEB, RSTB, CSB0, CSB1, CSB2,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", CSDECODE_A = "0b000", CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "AUTO";
  parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0,
    INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0,
    INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0,
    INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0, INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0,
    INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0,
    INITVAL_22 = 0, INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0, INITVAL_28 = 0,
    INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
    INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0,
    INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D = 0,
    INITVAL_3E = 0, INITVAL_3F = 0;
  wire [20479:0] initial_words = {INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A,
    INITVAL_39, INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31,
    INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
    INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F,
    INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
    INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E, INITVAL_0D,
    INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04,
    INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};

  wire [17:0] data_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
    DIA3, DIA2, DIA1, DIA0};
  wire [13:0] address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [17:0] data_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
    DIB3, DIB2, DIB1, DIB0};
  wire [13:0] address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  reg [17:0] out_a = 0, out_b = 0;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0} = out_a;
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0} = out_b;

  reg [18431:0] bits;
  integer word;
  initial for (word = 0; word < 1024; word = word + 1) bits[word * 18 +: 18] = initial_words[word * 20 +: 18];

  // The first bit of a port's word.  Words of one, two and four bits leave out each byte's ninth bit.
  function [14:0] first(input integer width, input [13:0] address);
    case (width)
      36: first = address[13:5] * 36;
      18: first = address[13:4] * 18;
      default: first = address[13:3] * 9 + (width == 9 ? 0 : address[2:0] / width * width);
    endcase
  endfunction
  wire [14:0] first_a = first(DATA_WIDTH_A, address_a), first_b = first(DATA_WIDTH_B, address_b);

  // Words of two and four bytes have an enable for each byte, in the lowest bits of the address.
  task write(input integer width, input [14:0] start, input [3:0] enables, input [35:0] data);
    integer place;
    for (place = 0; place < width; place = place + 1)
      if (width < 18 || enables[place / 9]) bits[start + place] <= data[place];
  endtask
  wire writes_a = CEA && WEA && (DATA_WIDTH_A < 18 || address_a[3:0] != 0);
  wire writes_b = CEB && WEB && (DATA_WIDTH_B < 18 || address_b[3:0] != 0);

  // What a port reads is unknown while the other one writes the same word.
  function [17:0] read(input integer width, input [14:0] start, input unknown);
    read = unknown ? 18'bx : width < 18 ? bits[start +: 9] & ((1 << width) - 1) : bits[start +: 18];
  endfunction
  wire same = first_a == first_b;
  wire wide = DATA_WIDTH_B == 36;

  always @(posedge CLKA) if (CEA) begin
    if (!wide) out_a <= read(DATA_WIDTH_A, first_a, writes_b && same);
    if (WEA) write(DATA_WIDTH_A, first_a, address_a[3:0], {data_b, data_a});
  end
  always @(posedge CLKB) if (CEB) begin
    if (wide) out_a <= read(18, first_b, writes_a && same);
    out_b <= read(DATA_WIDTH_B, wide ? first_b + 18 : first_b, writes_a && same);
    if (WEB) write(DATA_WIDTH_B, first_b, address_b[3:0], data_b);
  end

  wire unused = CSA0 | CSA1 | CSA2 | CSB0 | CSB1 | CSB2 | RSTA | RSTB | wide & WEB;
  wire modes = {REGMODE_A, REGMODE_B, CSDECODE_A, CSDECODE_B, CLKAMUX, CLKBMUX}
    == {"NOREG", "NOREG", "0b000", "0b000", "CLKA", "CLKB"};
  wire old_first = {WRITEMODE_A, WRITEMODE_B} == {2{"READBEFOREWRITE"}};
  always @(posedge CLKA or posedge CLKB)
    if (unused !== 0 || !modes || !(wide || old_first) || DATA_WIDTH_A != DATA_WIDTH_B) begin
      $display("unknown use of DP16KD");
      $finish;
    end
endmodule

