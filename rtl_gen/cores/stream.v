module stlq_bench;
  reg clk = 0, rst = 1;
  always #5 clk = ~clk;

  reg [`BUS_BITS-1:0] inputs [0:`INPUT_WORDS-1], expected [0:`OUTPUT_WORDS-1];
  integer input_at = 0, output_at = 0, cycles = 0, wrong = 0;
  wire inputs_ready, outputs_valid, busy;
  wire [`BUS_BITS:0] outputs;  // a word, then `last`
  wire [3:0] error;
`ifdef HAS_PROGRAM
  reg [`BUS_BITS-1:0] program_words [0:`PROGRAM_WORDS-1];
  integer program_at = 0;
  wire program_ready;
  always @(posedge clk) if (!rst && program_ready && program_at < `PROGRAM_WORDS) program_at <= program_at + 1;
`endif

  `TOP top (
    .clk(clk), .rst(rst), .busy(busy), .error(error),
`ifdef HAS_PROGRAM
    .program__valid(program_at < `PROGRAM_WORDS), .program__ready(program_ready),
    .program__payload(program_words[program_at]),
`endif
    .inputs__valid(input_at < `INPUT_WORDS), .inputs__ready(inputs_ready), .inputs__payload(inputs[input_at]),
    .outputs__valid(outputs_valid), .outputs__ready(1'b1), .outputs__payload(outputs)
  );

  initial begin
`ifdef HAS_PROGRAM
    $readmemh("program.hex", program_words);
`endif
    $readmemh("inputs.hex", inputs);
    $readmemh("outputs.hex", expected);
    repeat (4) @(posedge clk);
    rst <= 0;
  end

  always @(posedge clk) if (!rst) begin
    cycles <= cycles + 1;
    if (inputs_ready && input_at < `INPUT_WORDS) input_at <= input_at + 1;
    if (error != 0) $fatal(1, "the engine refused its program: error %0d", error);
    if (cycles == `LIMIT) $fatal(1, "no end within %0d cycles", `LIMIT);
    if (outputs_valid) begin
      if (outputs[`BUS_BITS-1:0] !== expected[output_at]) wrong = wrong + 1;
      if (outputs[`BUS_BITS] !== (output_at == `OUTPUT_WORDS - 1)) wrong = wrong + 1;
      output_at <= output_at + 1;
      if (output_at == `OUTPUT_WORDS - 1) begin
        if (wrong != 0) $fatal(1, "fail: %0d words are wrong", wrong);
        $display("pass: %0d words of outputs are the golden's, after %0d cycles", `OUTPUT_WORDS, cycles);
        $finish;
      end
    end
  end
endmodule
