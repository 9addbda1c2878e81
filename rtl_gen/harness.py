"""The Verilog around a build that is placed on a device: registers in the place of pins."""

from dataclasses import dataclass

from rtl_gen.design import Design

TEMPLATE = """\
// A block has more ports than a package has pins: they become two shift registers.
module {top}(input clk, input rst, input serial_in, input load, output serial_out);
  reg [{inputs_high}:0] drive;
  reg [{outputs_high}:0] seen;
  wire [{outputs_high}:0] outputs;
  assign serial_out = seen[{outputs_high}];
  // As in a design around it, the reset comes from a register.
  reg reset;
  always @(posedge clk) begin
    reset <= rst;
    drive <= {{drive, serial_in}};
    seen <= load ? outputs : {{seen, 1'b0}};
  end
  {name} {instance} (.clk(clk), .rst(reset){ports});
endmodule
"""


@dataclass(frozen=True, kw_only=True)
class Harness:
    """A module `top` in Verilog, and the number of `cells` of each type that the harness itself takes."""

    top: str
    text: str
    cells: dict[str, int]

    @classmethod
    def around(cls, build: Design) -> "Harness":
        """The harness of a build. It has every port but the clock and the reset in a shift register."""
        widths = {"input": 0, "output": 0}
        ports = []
        for port in build.ports[2:]:
            low = widths[port["direction"]]
            high = widths[port["direction"]] = low + port["width"]
            register = {"input": "drive", "output": "outputs"}[port["direction"]]
            ports.append(f", .{port['name']}({register}[{high - 1}:{low}])")
        top = f"{build.config.name}_harness"
        text = TEMPLATE.format(
            top=top,
            inputs_high=widths["input"] - 1,
            outputs_high=widths["output"] - 1,
            name=build.config.name,
            instance=build.kind,
            ports="".join(ports),
        )
        # A flip-flop for the reset and for each bit, a LUT before each of an output; iCE40's logic cell holds both.
        bits = 1 + sum(widths.values())
        cells = {"ICESTORM_LC": bits, "TRELLIS_FF": bits, "TRELLIS_COMB": widths["output"]}
        return cls(top=top, text=text, cells=cells)
