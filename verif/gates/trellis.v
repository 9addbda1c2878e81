// The two cells of a routed ECP5 netlist, as far as arrays use them. Yosys's models lack the register's second data
// input, and the carry out of a cell in carry mode.
// An unconnected input of a LUT is 1. A cell's wide multiplexer is the one whose inputs are connected.
module TRELLIS_COMB(
  input A, B, C, D, M, FCI, F1, FXA, FXB, WD, WAD0, WAD1, WAD2, WAD3, WRE, WCK,
  output F, FCO, OFX
);
  parameter MODE = "LOGIC", CCU2_INJECT1 = "NO", WREMUX = "WRE";
  parameter [15:0] INITVAL = 0;
  wire a = A === 1'bz ? 1'b1 : A;
  wire b = B === 1'bz ? 1'b1 : B;
  wire c = C === 1'bz ? 1'b1 : C;
  wire d = D === 1'bz ? 1'b1 : D;
  // Multiplexers: an unknown input on which the output does not depend leaves it known.
  wire [7:0] by_d = d ? INITVAL[15:8] : INITVAL[7:0];
  wire [3:0] by_c = c ? by_d[7:4] : by_d[3:0];
  wire [1:0] by_b = b ? by_c[3:2] : by_c[1:0];
  wire lut4 = a ? by_b[1] : by_b[0];
  wire [1:0] low_by_b = b ? INITVAL[3:2] : INITVAL[1:0];
  wire lut2 = a ? low_by_b[1] : low_by_b[0];
  wire inject = MODE == "CCU2" && CCU2_INJECT1 == "NO";
  assign F = inject ? lut4 ^ FCI : lut4;
  assign FCO = lut4 ? FCI : inject & lut2;
  assign OFX = F1 === 1'bz ? (M ? FXB : FXA) : (M ? F1 : F);
  initial if (MODE != "LOGIC" && MODE != "CCU2") begin
    $display("unknown mode %0s", MODE);
    $finish;
  end
endmodule

module TRELLIS_FF(input CLK, LSR, CE, DI, M, output reg Q);
  parameter GSR = "DISABLED", CEMUX = "CE", CLKMUX = "CLK", LSRMUX = "LSR", REGSET = "RESET", SD = "1";
  parameter SRMODE = "LSR_OVER_CE";
  initial Q = REGSET == "SET";
  always @(posedge CLK)
    if (LSR) Q <= REGSET == "SET";
    else if (CEMUX == "1" || CE) Q <= SD == "1" ? DI : M;
  initial if (CLKMUX != "CLK" || LSRMUX != "LSR" || (CEMUX != "1" && CEMUX != "CE")) begin
    $display("unknown register %0s %0s %0s", CLKMUX, LSRMUX, CEMUX);
    $finish;
  end
endmodule
