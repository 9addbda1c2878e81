"""What a build has besides the engine where that is on a bus: the top and its driver."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.resources import files
from typing import Any

from hw.bus.config import ADDRESS_BITS, Bus, BusConfig
from hw.engine.config import EngineConfig
from rtl_gen import driver
from rtl_gen.bus_cycles import MemoryTiming, predict_run
from rtl_gen.compiler.program import Job
from rtl_gen.driver.c_header import c_header
from rtl_gen.driver.interface import interface_of
from rtl_gen.driver.network_header import network_header
from rtl_gen.driver.stlq import Interface
from rtl_gen.driver.tables import beside_driver, python_driver
from rtl_gen.engine_build import DRIVER
from rtl_gen.errors import UsageError
from rtl_gen.generate import option_wording
from rtl_gen.header import Subject, engine_subject, headed
from rtl_gen.manifest import verilog_name
from sw_ref.network import Network

STREAM, ROM = "stream", "rom"
BUSES = (STREAM, *(bus.value for bus in Bus), ROM)
COPIED = ("stlq.h", "stlq.c", "example.c")
SERIAL = ("stlq_serial.py", "example_serial.py")
MEMORY, PACES = MemoryTiming(latency=30), (1, 2, 4)
TITLES = {Bus.WISHBONE: "Wishbone B4", Bus.AXI: "AXI4, with registers on AXI4-Lite"}


def bus_config(engine: EngineConfig, bus: str) -> BusConfig | None:
    """The top on a bus; None for an engine that is on none.  Raises :class:`UsageError`."""
    if bus in (STREAM, ROM):
        return None
    try:
        return BusConfig(engine=engine, bus=Bus(bus))
    except ValueError as error:
        raise UsageError(option_wording(str(error))) from error


def bus_files(config: BusConfig, network: Network, program_bytes: int) -> dict[str, bytes]:
    """The top's Verilog, and the driver of a network.  Raises :class:`CheckError` if Yosys fails."""
    # Amaranth takes most of the start-up time, which errors need not wait for.
    from hw.bus.verilog import bus_ports, bus_verilog

    ports = bus_ports(config)
    text = headed(lambda: bus_verilog(config), _subject(config, ports), ports)
    return {
        f"{config.name}.v": text.encode(),
        **driver_files(interface_of(config.engine, network, program_bytes)),
    }


def driver_files(interface: Interface) -> dict[str, bytes]:
    """The driver of a network on a bus in C and in Python, with an example for each."""
    made = {
        "stlq_registers.h": c_header(),
        "stlq_network.h": network_header(interface),
        "example.py": beside_driver("example.py"),
        **{name: (files(driver) / name).read_text() for name in COPIED},
    }
    return _in_folder(made | _python_files(interface))


def serial_driver_files(interface: Interface) -> dict[str, bytes]:
    """The driver of a network behind a UART, in Python, with an example."""
    made = {name: beside_driver(name) for name in SERIAL}
    return _in_folder(made | _python_files(interface))


def _python_files(interface: Interface) -> dict[str, str]:
    return {"stlq_network.json": json.dumps(asdict(interface), indent=2) + "\n", "stlq.py": python_driver()}


def _in_folder(made: dict[str, str]) -> dict[str, bytes]:
    return {f"{DRIVER}/{name}": text.encode() for name, text in made.items()}


def bus_lines(config: BusConfig, jobs: Sequence[Job]) -> list[str]:
    """What the top is, and what a run takes with a memory of usual latency and of several bandwidths, for people."""
    first, *slower = (f"{predict_run(config, jobs, replace(MEMORY, pace=pace)):,}" for pace in PACES)
    others = ", ".join(f"{cycles} with one every {pace}" for cycles, pace in zip(slower, PACES[1:], strict=True))
    return [
        f"{config.name}.v: the engine on {TITLES[config.bus]}, {config.bus_bits}-bit words, "
        f"{ADDRESS_BITS[config.bus]}-bit addresses, bursts of up to {config.burst_words} words",
        f"about {first} cycles over the bus, with a memory that answers after {MEMORY.latency} cycles and gives a word "
        f"a cycle; {others} cycles",
    ]


def _subject(config: BusConfig, ports: list[dict[str, Any]]) -> Subject:
    """What the header of a bus top says."""
    engine = engine_subject(config.engine)
    return Subject(
        name=config.name,
        title=f"{TITLES[config.bus]}: an engine that a host starts, and that reads and writes memory by itself.",
        command=engine.command.replace(" --out ", f" --bus {config.bus.value} --out "),
        order=[port["name"] for port in ports],
        meanings={"irq": "1 while the last run has ended and the host wants to know"},
        waivers=engine.waivers,
        beside=f"has the checksum of this file and of {verilog_name(config.engine)}, the engine that it instantiates",
        rules="registers is for a host, and memory for program, inputs and outputs.",
    )
