// What the proofs of both tops share.

// The engine does anything.
module stlq_engine (
  input clk, input rst,
  input [31:0] program__payload, inputs__payload, input program__valid, inputs__valid, outputs__ready,
  output program__ready, inputs__ready, output [32:0] outputs__payload, output outputs__valid, busy, output [3:0] error
);
  (* anyseq *) wire [40:0] anything;
  assign {program__ready, inputs__ready, outputs__payload, outputs__valid, busy, error} = anything;
endmodule

// What is offered holds until it is taken; `GIVEN`: others promise that.
module held #(parameter WIDTH = 1, GIVEN = 0) (
  input clk, input rst, input valid, input ready, input [WIDTH-1:0] payload
);
  reg waits;
  reg [WIDTH-1:0] was;
  always @(posedge clk) begin
    waits <= !rst && valid && !ready;
    was <= payload;
  end
  wire kept = !waits || valid && payload == was;
  always @* if (GIVEN) assume (kept); else assert (kept);
endmodule

// A queue whose writer knows that there is room: the words in it.
module queue_rules (input [1:0] newest, input [1:0] oldest, input valid, output [3:0] count);
  wire [1:0] inside = newest - oldest;
  assign count = inside + valid;
  always @* begin
    assert (valid || inside <= 1);
    assert (count <= 4);
  end
endmodule

// One range: what the host gave is what the run uses, and no request leaves it. Addresses count bus words of 32 bits.
module range_rules #(parameter FIRST = 0, HIGH = 1) (
  input clk, input rst,
  input write, input [4:0] register, input [31:0] data,
  input busy, clear, fresh, used_up, offered, offers, more, input [2:0] allowed,
  input [61:0] start, next, now, input [29:0] start_left, next_left, now_left,
  input requests, input [61:0] address, input [7:0] further
);
  reg [31:0] low, high, length;
  reg [2:0] known;
  always @(posedge clk) begin
    if (write && register == FIRST) begin low <= data; known[0] <= 1; end
    if (write && register == FIRST + 1) begin high <= data; known[1] <= 1; end
    if (write && register == FIRST + 2) begin length <= data; known[2] <= 1; end
    if (rst) known <= 0;
  end
  wire [63:0] base = {high, low[31:2]}, size = length[31:2], first = fresh ? base : {2'b0, next};
  wire [29:0] left = fresh ? size : -next_left;
  wire running = busy && !clear;
  always @* begin
    assert (!known[0] || start[29:0] == low[31:2]);
    assert (!known[1] || !HIGH || start[61:30] == high);
    assert (!known[2] || start_left == -length[31:2]);
    assert (allowed[0] == (known[0] && low[1:0] == 0));
    assert (allowed[1] == (known[1] && (HIGH || high == 0)));
    assert (allowed[2] == (known[2] && length[1:0] == 0 && length != 0));
    assert (!busy || &allowed);
    // Where the run is.
    if (running && !used_up) assert (left != 0 && left <= size && first + left == base + size);
    if (offered) assert (running && !used_up && now == first && -now_left == left);
    // What is asked for.
    if (offers) assert (now >= base && now + more < base + size);
    if (requests) assert (running && address >= base && {2'b0, address} + further < base + size);
  end
endmodule
