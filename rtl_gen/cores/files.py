"""What a build has for other flows."""

from importlib.resources import files

from hw.bus.config import Bus, BusConfig
from hw.bus.rom_config import RomConfig
from hw.engine.config import EngineConfig
from rtl_gen import cores
from rtl_gen.cores.bench import bench_files
from rtl_gen.cores.core_file import core_name, core_text
from rtl_gen.manifest import verilog_name
from sw_ref.network import Network


def core_files(
    config: EngineConfig, top: BusConfig | RomConfig | None, network: Network, program_words: int, cycles: int
) -> dict[str, bytes]:
    """A FuseSoC core with its bench, and for AXI a script for Vivado; arguments as :func:`bench_files`."""
    name = config.name if top is None else top.name
    verilog = [verilog_name(config), *([] if top is None else [f"{top.name}.v"])]
    title = f"Neural-network engine without multipliers, {config.array.size}"
    in_file = isinstance(top, RomConfig) and top.in_file
    made = {core_name(name): core_text(name, title, verilog, in_file).encode()}
    if isinstance(top, BusConfig) and top.bus is Bus.AXI:
        template = (files(cores) / "vivado.tcl").read_text()
        made[f"{name}.tcl"] = template.format(name=name, files=" ".join(verilog), title=title).encode()
    return made | bench_files(config, top, network, program_words, cycles)
