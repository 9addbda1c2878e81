// The address generator against the closed form of its loops, by induction and thus for ever: for any job behind any
// other one, any strides, and elements that come when they like. Loop k moves the address by `stride` k in each of its
// turns. So an element's address is the job's own plus, for each loop, its turns times its stride.
//
// No multiplication is needed: `from` k is the address where the loops inside of loop k start, and moves by `stride` k
// with each of its turns. `inner` k is how far the loops inside of it have moved in their last turns: a constant.
typedef struct packed {
  // JOB
} job_t;

module address_proof (
  input clk, rst,
  input job_t job,
  input started, issue, finish, two_word,
  input [2:0] level,
  input [`STEP_BITS-1:0] step,
  input [8*`STEP-1:0] stride, inner
);
  wire [3:0] step_entry;
  wire [`ADDRESS-1:0] address;
  wire [`LANE-1:0] lane;
  wire beat, valid;
  stlq_engine_address dut (.*);

  reg begun = 0;
  always @(posedge clk) begun <= 1;
  always @* if (!begun) assume (rst);

  // What the sequencer said two cycles ago. The flag of an element comes then.
  reg issue1 = 0, issue2 = 0, finish1 = 0, finish2 = 0, started1 = 0, started2 = 0;
  reg [2:0] level1, level2;
  always @(posedge clk) begin
    {issue2, issue1, finish2, finish1, started2, started1} <= rst ? 0 : {issue1, issue, finish1, finish, started1, started};
    {level2, level1} <= {level1, level};
  end

  // The loops, naively. What is `_now` belongs to the job that has just begun, if one has.
  reg running = 0, residual = 0, half = 1;
  reg [8*12-1:0] turn;
  reg [8*`STEP-1:0] from;
  job_t held;
  wire running_now = running || started2;
  wire half_now = half ^ started2;
  job_t job_now;
  wire [8*12-1:0] last;  // turns
  wire [8*12-1:0] turn_now = started2 ? 0 : turn;
  wire [8*`STEP-1:0] from_now = started2 ? {8{job.y, job.x, job.address[`A]}} : from;
  assign job_now = started2 ? job : held;
  assign last = {
    // LAST
  };
  wire first = issue2 && !residual;
  wire done = issue2 && (residual || !two_word);

  // The loop `next` goes on, and those inside of it start again where it leaves them.
  reg [7:0] ended;
  reg [2:0] next;
  reg [8*12-1:0] turn_next;
  reg [8*`STEP-1:0] from_next;
  reg [`STEP-1:0] moved;
  integer k;
  always @* begin
    next = 7;
    for (k = 7; k >= 0; k = k - 1) begin
      ended[k] = turn_now[12*k +: 12] == last[12*k +: 12];
      if (!ended[k]) next = k;
    end
    moved = plus(from_now[`STEP*next +: `STEP], stride[`STEP*next +: `STEP]);
    for (k = 0; k < 8; k = k + 1) begin
      turn_next[12*k +: 12] = k > next ? turn_now[12*k +: 12] : k == next ? turn_now[12*k +: 12] + 1 : 0;
      from_next[`STEP*k +: `STEP] = k > next ? from_now[`STEP*k +: `STEP] : moved;
    end
  end
  always @(posedge clk) begin
    if (rst) {running, residual, half} <= 3'b001;
    else begin
      running <= running_now && !(done && &ended);
      residual <= issue2 ? !done : residual;
      half <= half_now;
    end
    held <= job_now;
    turn <= done ? turn_next : turn_now;
    from <= done ? from_next : from_now;
  end

  // The step of a loop: its own stride, less what the loops inside of it have moved. In one half of the store are the
  // present job's steps; in the other half may be those of any job.
  wire [2:0] read = step_entry[2:0];
  reg mine;
  reg [`STEP-1:0] wanted;
  always @(posedge clk) begin
    mine <= step_entry[3] == half_now;
    wanted <= minus(stride[`STEP*read +: `STEP], inner[`STEP*read +: `STEP]);
  end

  // What the sequencer, the loader and the compiler promise.
  always @* if (begun) begin
    // Jobs: one behind the other, each a cycle late, and no sooner than four cycles behind each other.
    assume (!(started && (started1 || started2)));
    assume (!started2 || !running);
    // Elements: of a job; how the loops over positions go on is said with the last tile.
    assume (!issue2 || running_now);
    assume (finish2 == (done && &ended[2:0]));
    assume (!finish2 || level2 == next);
    assume (!mine || {step[`Y], step[`X], step[`A]} == wanted);
    // Where the loops inside of loop k are in their last turns, they have moved so far.
    for (k = 0; k < 8; k = k + 1)
      assume (k > next || from_now[0 +: `STEP] == plus(from_now[`STEP*k +: `STEP], inner[`STEP*k +: `STEP]));
  end
  always @(posedge clk) if (begun) begin
    if (!$past(started)) assume ($stable(job));
    if (!$past(started1)) assume ($stable(stride) && $stable(inner));
  end

  // Fields are added each for itself: y, x, address.
  function [`STEP-1:0] plus(input [`STEP-1:0] a, b);
    plus = {a[`OWN_Y] + b[`OWN_Y], a[`OWN_X] + b[`OWN_X], a[`A] + b[`A]};
  endfunction
  function [`STEP-1:0] minus(input [`STEP-1:0] a, b);
    minus = {a[`OWN_Y] - b[`OWN_Y], a[`OWN_X] - b[`OWN_X], a[`A] - b[`A]};
  endfunction

  // An element that is due leaves two cycles later; outside of the tensor there is padding.
  reg ran = 0, first1 = 0, first2 = 0, issue3 = 0, issue4 = 0;
  reg [`STEP-1:0] place1;
  reg [`LANE-1:0] lane2;
  reg [`ADDRESS-1:0] address2;
  wire [12:0] x = place1[`OWN_X], y = place1[`OWN_Y];
  wire outside = x >= held.width || y >= held.height;
  always @(posedge clk) begin
    {ran, first2, first1, issue4, issue3} <= rst ? 0 : {running_now, first1, first, issue3, issue2};
    place1 <= from_now[0 +: `STEP];
    lane2 <= x;
    address2 <= outside ? held.pad_address : place1[`A];
  end
  always @(posedge clk) if (begun && !rst) begin
    assert (valid == first2);
    assert (beat == issue4);
    if (valid) assert (address == address2 && lane == lane2);
  end

  // What the device holds, for the induction.
  // WIRES
  always @(posedge clk) if (begun && !rst) begin
    assert (dut_residual == residual);
    assert (bank == (started2 ? half : !half));
    assert (!(own_address & moved_address) && !(own_x & moved_x) && !(own_y & moved_y));
    if (ran) begin
      assert ((own_address ^ moved_address) == place1[`A]);
      assert ((own_x ^ moved_x) == x && (own_y ^ moved_y) == y);
      assert (own_width == held.width && own_height == held.height && own_pad_address == held.pad_address);
    end
    assert (!running || started1 || job == held);
    for (k = 0; k < 8; k = k + 1) assert (!running_now || turn_now[12*k +: 12] <= last[12*k +: 12]);
    // LOOPS
  end
endmodule
