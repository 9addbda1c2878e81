// Drives an engine: words of program.hex and inputs.hex with random pauses, prints what leaves and when.
`timescale 1ns/1ps
module bench;
    parameter BUS = 32;
    parameter PROGRAM = 1;
    parameter INPUTS = 1;
    parameter STALLS = 0;
    parameter SEED = 1;
    parameter RESET = 0;
    parameter LIMIT = 1000000;
    reg clk = 0, rst = 1;
    reg [BUS-1:0] program [0:PROGRAM-1];
    reg [BUS-1:0] inputs [0:INPUTS-1];
    integer at_program = 0, at_inputs = 0, cycle = 0, seed = SEED;
    reg [BUS-1:0] program_word, inputs_word;
    reg program_valid = 0, inputs_valid = 0, outputs_ready = 0;
    wire program_ready, inputs_ready, outputs_valid, busy;
    wire [BUS:0] outputs;
    wire [3:0] error;
    reg was_busy = 0;
    stlq_engine engine(.clk(clk), .rst(rst), .busy(busy), .error(error),
        .program__valid(program_valid), .program__ready(program_ready), .program__payload(program_word),
        .inputs__valid(inputs_valid), .inputs__ready(inputs_ready), .inputs__payload(inputs_word),
        .outputs__valid(outputs_valid), .outputs__ready(outputs_ready), .outputs__payload(outputs));
    always #5 clk = ~clk;
    function pause(input integer unused);
        pause = $unsigned($random(seed)) % 100 < STALLS;
    endfunction
    initial begin
        $readmemh("program.hex", program);
        $readmemh("inputs.hex", inputs);
        repeat (4) @(negedge clk);
        rst = 0;
        // All starts again after a reset in the middle.
        if (RESET != 0) begin
            wait (cycle == RESET);
            @(negedge clk) rst = 1;
            {program_valid, inputs_valid, was_busy} = 0;
            at_program = 0;
            at_inputs = 0;
            repeat (2) @(negedge clk);
            $display("reset");
            rst = 0;
        end
    end
    // Handshakes are those of before the edge; what changes does so behind it.
    always @(posedge clk) if (!rst) begin
        cycle <= cycle + 1;
        was_busy <= busy;
        if (busy && !was_busy) $display("busy %0d", cycle);
        if (!busy && was_busy) begin
            $display("done %0d error %0d", cycle, error);
            if (at_program >= PROGRAM) $finish;
        end
        if (cycle > LIMIT) begin $display("late"); $finish; end
        if (outputs_valid && outputs_ready) $display("out %0d %h", cycle, outputs);
        if ($test$plusargs("trace") && engine.array.tiles__valid) $display("tile %0d %h %b %h", cycle, engine.array.tiles__payload, engine.array.acts__valid, engine.array.acts__payload);
        if ($test$plusargs("trace") && engine.array.sums__valid) $display("sum %0d %h", cycle, engine.array.sums__payload);
        if (engine.sequencer.start) $display("start %0d %0d", cycle, engine.sequencer.next_job[3:0]);
        if (engine.array.tiles__valid && !engine.array.tiles__ready) $display("stopped %0d", cycle);
        if (engine.array.acts__valid && !engine.array.acts__ready) $display("stopped %0d", cycle);
        if (engine.memory.b_write != 0)
            $display("write %0d %h %h %h", cycle, engine.memory.b_address, engine.memory.b_write, engine.memory.b_data);
        if (program_valid && program_ready) at_program = at_program + 1;
        if (inputs_valid && inputs_ready) at_inputs = at_inputs + 1;
        if (!program_valid || program_ready) program_valid <= #1 at_program < PROGRAM && !pause(0);
        if (!inputs_valid || inputs_ready) inputs_valid <= #1 at_inputs < INPUTS && !pause(0);
        // Nothing is known of a word that is not valid.
        program_word <= #1 at_program < PROGRAM ? program[at_program] : {BUS{1'bx}};
        inputs_word <= #1 at_inputs < INPUTS ? inputs[at_inputs] : {BUS{1'bx}};
        outputs_ready <= #1 !pause(0);
    end
endmodule
