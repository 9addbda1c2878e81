"""LUTs that a bus takes besides the default engine, which is a black box here: ``python -m verif.hw.bus.luts``."""

from hw.bus.config import Bus, BusConfig
from hw.bus.verilog import bus_verilog
from hw.engine.config import EngineConfig
from hw.engine.layouts import engine_signature
from hw.ports import ports_of
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import Flow, mapped

TARGET = TARGETS["xilinx"]
AIMS = {Bus.WISHBONE: 350, Bus.AXI: 700}


def count(bus: Bus) -> dict[str, int]:
    """The wrapper's cells by resource."""
    config = BusConfig(engine=EngineConfig(), bus=bus)
    text = bus_verilog(config) + _black_box(config.engine)
    return TARGET.count(mapped(text, config.name, Flow(passes=TARGET.script(config.name))).after["num_cells_by_type"])


def _black_box(engine: EngineConfig) -> str:
    ports = [
        f"{port['direction']} [{port['width'] - 1}:0] {port['name']}" for port in ports_of(engine_signature(engine))
    ]
    return f"(* blackbox *)\nmodule {engine.name}({', '.join(ports)});\nendmodule\n"


if __name__ == "__main__":
    for bus, aim in AIMS.items():
        found = count(bus)
        print(f"{bus.value}: {found['luts']} LUTs (aim: {aim}), {found['memories']} cells of memory", flush=True)
