module stlq_bench;
  reg clk = 0, rst = 1;
  always #5 clk = ~clk;

  // Program, inputs and outputs in one memory, each from a multiple of 16 words on.
  localparam BYTES = `BUS_BITS / 8;
  localparam INPUTS_AT = (`PROGRAM_WORDS + 15) / 16 * 16;
  localparam OUTPUTS_AT = INPUTS_AT + (`INPUT_WORDS + 15) / 16 * 16;
  reg [`BUS_BITS-1:0] memory [0:OUTPUTS_AT+`OUTPUT_WORDS-1], expected [0:`OUTPUT_WORDS-1];

// ADAPTER

  task set_range(input [6:0] first, input integer word, input integer words);
    begin
      write_register(first, word * BYTES);
      write_register(first + 4, 0);
      write_register(first + 8, words * BYTES);
    end
  endtask

  reg [31:0] value;
  integer at, wrong = 0;
  initial begin
    $readmemh("program.hex", memory, 0, `PROGRAM_WORDS - 1);
    $readmemh("inputs.hex", memory, INPUTS_AT, INPUTS_AT + `INPUT_WORDS - 1);
    $readmemh("outputs.hex", expected);
    repeat (4) @(posedge clk);
    rst <= 0;
    read_register(`ENGINE, value);
    if (value !== `DIGEST) $fatal(1, "fail: the engine's digest is %h", value);
    set_range(`PROGRAM_ADDRESS_LOW, 0, `PROGRAM_WORDS);
    set_range(`INPUTS_ADDRESS_LOW, INPUTS_AT, `INPUT_WORDS);
    set_range(`OUTPUTS_ADDRESS_LOW, OUTPUTS_AT, `OUTPUT_WORDS);
    write_register(`CONTROL, `CONTROL_START);
    value = 0;
    while ((value & `STATUS_DONE) == 0) read_register(`STATUS, value);
    if ((value & `STATUS_ERROR) != 0) $fatal(1, "fail: status is %h", value);
    for (at = 0; at < `OUTPUT_WORDS; at = at + 1)
      if (memory[OUTPUTS_AT + at] !== expected[at]) wrong = wrong + 1;
    if (wrong != 0) $fatal(1, "fail: %0d words are wrong", wrong);
    read_register(`CYCLES, value);
    $display("pass: %0d words of outputs are the golden's, after %0d cycles", `OUTPUT_WORDS, value);
    $finish;
  end

  initial begin
    repeat (`LIMIT) @(posedge clk);
    $fatal(1, "no end within %0d cycles", `LIMIT);
  end
endmodule
