// Proven for all inputs after any state, thus for ever: each step's term; the sum over a code's terms, which alone
// outlives `WINDOW cycles; and the code of a sum. `PRODUCT and `CODE_AFTER: cycles from a step to its term, and from the
// sum of all terms to the code. The memory keeps codes with the bit `TOP inverted.
`define TOP (1 << (`CODE - 1))
typedef struct packed {
  // FIELDS
} term_t;

module requantizer_proof (
  input clk,
  input [`ACC-1:0] x,
  input [`CODE-1:0] added, low, high, least, most, stored,
  input store, fill,
  input adds,
  input [`TERM-1:0] scale,
  input [`WIDE+4:0] offset
);
  wire [`CODE-1:0] code;
  term_t scale_bits;
  assign scale_bits = scale;
  stlq_engine_requantizer_lane dut (.*, .rst(1'b0));

  wire [`CODE-1:0] low_before, high_before;
  wire fill_before;
  late #(`CODE, 1) late_low (clk, low, low_before);
  late #(`CODE, 1) late_high (clk, high, high_before);
  late #(1, 1) late_fill_before (clk, fill, fill_before);
  reg [4:0] cycles = 0;
  always @(posedge clk) cycles <= cycles + (cycles <= `WINDOW);

  always @* begin
    assume (!adds || (x == 0 && !scale_bits.extra_negative));
    assume (adds || scale_bits.shift < 8);
    assume (low <= high);
    // The limits a cycle later, but for what fills a word.
    assume (cycles == 0 || (most == high_before && (fill_before || least == low_before)));
  end

  // What was put in at the step whose term is there now, and a cycle before that one.
  wire adds_then, adds_before;
  wire [`ACC-1:0] x_then;
  wire [`CODE-1:0] added_then;
  wire [`TERM-1:0] term_then;
  late #(1, `PRODUCT) late_adds (clk, adds, adds_then);
  late #(1, `PRODUCT + 1) late_adds_before (clk, adds, adds_before);
  late #(`ACC, `PRODUCT) late_x (clk, x, x_then);
  late #(`CODE, `PRODUCT) late_added (clk, added, added_then);
  late #(`TERM, `PRODUCT) late_scale (clk, scale, term_then);

  // What one step adds. What is negative is a ones' complement: the offset has the missing 1.
  function signed [`WIDE-1:0] term(
    input adds, input signed [`ACC-1:0] x, input [`CODE-1:0] added, input [`TERM-1:0] bits
  );
    reg signed [`WIDE-1:0] first, second;
    term_t scale;
    begin
      scale = bits;
      first = x;
      second = !adds && scale.extra ? first : 0;
      if (adds) first = scale.extra ? added ^ `TOP : 0;
      first = first <<< scale.shift;
      if (scale.negative) first = -first - 1;
      if (scale.extra_negative) second = -second - 1;
      term = first + second;
    end
  endfunction

  (* hierconn *) wire signed [`WIDE-1:0] \dut.product ;
  (* hierconn *) wire signed [`WIDE-1:0] \dut.total ;
  wire signed [`WIDE-1:0] product = \dut.product , total = \dut.total ;
  wire signed [`WIDE-1:0] product_was, total_was, total_then;
  wire [`WIDE+4:0] offset_was, offset_then;
  late #(`WIDE, 1) late_product (clk, product, product_was);
  late #(`WIDE, 1) late_total (clk, total, total_was);
  late #(`WIDE, `CODE_AFTER) late_total_then (clk, total, total_then);
  late #(`WIDE + 5, 1) late_offset (clk, offset, offset_was);
  late #(`WIDE + 5, `CODE_AFTER + 1) late_offset_then (clk, offset, offset_then);
  wire signed [`WIDE-1:0] start = offset_was[`WIDE-1:0];
  always @* if (cycles == `WINDOW) begin
    assert (product == term(adds_then, x_then, added_then, term_then));
    assert (total == product_was + (adds_before ? total_was : start));
  end

  // The code of a sum.
  wire [`CODE-1:0] least_then, most_then, stored_then;
  wire store_then, fill_then;
  late #(1, 2) late_store (clk, store, store_then);
  late #(1, 2) late_fill (clk, fill, fill_then);
  late #(`CODE, 1) late_stored (clk, stored, stored_then);
  late #(`CODE, 1) late_least (clk, least, least_then);
  late #(`CODE, 1) late_most (clk, most, most_then);
  wire signed [`WIDE-1:0] value = total_then >>> offset_then[`WIDE +: 5];
  wire [`CODE-1:0] right =
    value < $signed({1'b0, least_then}) ? least_then : value > $signed({1'b0, most_then}) ? most_then : value[`CODE-1:0];
  always @* if (cycles == `WINDOW) assert (code == ((store_then ? stored_then : fill_then ? least_then : right) ^ `TOP));
endmodule

// `out` is `in` some cycles ago.
module late #(parameter WIDTH = 1, CYCLES = 1) (input clk, input [WIDTH-1:0] in, output [WIDTH-1:0] out);
  reg [WIDTH*CYCLES-1:0] held;
  always @(posedge clk) held <= {held, in};
  assign out = held[WIDTH*(CYCLES-1) +: WIDTH];
endmodule
