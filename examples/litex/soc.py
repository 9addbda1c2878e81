"""A LiteX SoC with an STLQ engine and a memory; a Wishbone master at the pins takes the place of a processor.

    python examples/litex/soc.py BUILD FOLDER

BUILD is what `stlq compile --bus wishbone` wrote.  FOLDER gets `soc.v`, its memory with program and inputs, and the
golden's outputs; ``bench.v`` runs an inference there.
"""

# pyright: reportMissingImports=false
import shutil
import sys
from pathlib import Path

from engine import add_engine
from litex.build.generic_platform import GenericPlatform, Pins
from litex.build.io import CRG
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import wishbone

MEMORY_BYTES, ENGINE = 1 << 20, 0x9000_0000
INPUTS_AT, OUTPUTS_AT = 0x8_0000, 0xC_0000  # bytes from the begin of the memory on


class Soc(SoCMini):
    """The bus of `host` (pins), main RAM with `contents`, and the engine of a build."""

    def __init__(self, platform, build, contents):
        SoCMini.__init__(
            self,
            platform,
            clk_freq=100_000_000,
            ident_version=False,
            integrated_main_ram_size=MEMORY_BYTES,
            integrated_main_ram_init=contents,
        )
        self.crg = CRG(platform.request("clk"), platform.request("rst"))
        add_engine(self, platform, build, ENGINE)
        host = wishbone.Interface(data_width=32, address_width=32)
        platform.add_extension(host.get_ios("host"))
        self.comb += host.connect_to_pads(platform.request("host"), mode="slave")
        self.bus.add_master("host", host)


def words(path):
    """Bus words of a file as `$readmemh` reads it."""
    return [int(word, 16) for word in path.read_text().split()]


def main(build, folder):
    """Write all that the bench needs."""
    build, folder = Path(build), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    program, inputs = words(build / "program.hex"), words(build / "bench" / "inputs.hex")
    outputs = words(build / "bench" / "outputs.hex")
    contents = [0] * (MEMORY_BYTES // 4)
    for at, found in ((0, program), (INPUTS_AT // 4, inputs)):
        contents[at : at + len(found)] = found
    platform = GenericPlatform("", [("clk", 0, Pins(1)), ("rst", 0, Pins(1))], name="soc")
    soc = Soc(platform, build, contents)
    soc.finalize()
    made = platform.get_verilog(soc, name="soc")
    for name, data in {"soc.v": made.main_source, **made.data_files}.items():
        (folder / name).write_text(data)
    shutil.copy(build / "bench" / "outputs.hex", folder)
    sizes = {"PROGRAM": program, "INPUT": inputs, "OUTPUT": outputs}
    lines = [f"`define {name}_WORDS {len(found)}\n" for name, found in sizes.items()]
    places = {"MEMORY": soc.mem_map["main_ram"], "ENGINE": ENGINE, "INPUTS_AT": INPUTS_AT, "OUTPUTS_AT": OUTPUTS_AT}
    lines += [f"`define {name} 32'h{value:08x}\n" for name, value in places.items()]
    (folder / "sizes.vh").write_text("".join(lines))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
