"""What a build has where the engine has its program in a ROM."""

import argparse
from collections.abc import Sequence
from typing import Any

from hw.bus.rom_config import Codes, RomConfig, Source
from hw.engine.config import EngineConfig
from rtl_gen.bus_build import ROM, serial_driver_files
from rtl_gen.compiler.program import to_words
from rtl_gen.driver.interface import interface_of
from rtl_gen.engine_build import PROGRAM_HEX
from rtl_gen.errors import UsageError
from rtl_gen.generate import option_wording
from rtl_gen.header import Subject, engine_subject, headed
from rtl_gen.manifest import verilog_name
from rtl_gen.options import add_parameter, exact
from sw_ref.format import parameters_of
from sw_ref.network import Network

CLOCKS_HZ: Sequence[int] = parameters_of(RomConfig)["clock_hz"].values or ()
TITLES = {Source.RAM: "block RAM", Source.FLASH: "SPI flash"}
MEANINGS = {
    "busy": "an inference runs",
    "error": "0, or what was wrong with the program",
    "overrun": "an input was lost; until a reset",
    "inputs__payload": "a bus word of codes, as the engine's",
    "outputs__payload": "a bus word of codes, as the engine's; then last",
    "rx": "8N1; a frame without a stop bit starts all over",
    "flash__o": "bit 0 is data in, 2 write protect, 3 hold, until all are data",
}


def add_rom_options(parser: argparse.ArgumentParser) -> None:
    """What `--bus rom` asks for; its clock is that of the table."""
    group = parser.add_argument_group("program in a ROM (with --bus rom; its clock is --mhz)")
    sources, kinds = ([kind.value for kind in enum] for enum in (Source, Codes))
    group.add_argument("--program-in", choices=sources, help="block RAM or SPI flash (default: ram)")
    group.add_argument("--codes-over", choices=kinds, help="how inputs and outputs move (default: stream)")
    add_baud(group, None)


def add_baud(group: Any, default: int | None) -> None:
    """`--baud`; `default`: where it is not given."""
    add_parameter(group, "baud", parameters_of(RomConfig)["baud"], default, RomConfig.baud)


def rom_of(args: argparse.Namespace, engine: EngineConfig, program: bytes) -> RomConfig | None:
    """The top that the options of `compile` ask for, if any.  Raises :class:`UsageError`."""
    given = {name: getattr(args, name) for name in ("program_in", "codes_over", "baud")}
    given = {name: value for name, value in given.items() if value is not None}
    if args.bus != ROM:
        for name in given:
            raise UsageError(f"--{name.replace('_', '-')} is given with --bus {args.bus}; allowed: with --bus {ROM}")
        return None
    if args.baud is not None and args.codes_over != Codes.UART.value:
        raise UsageError(f"--baud is given without a UART; allowed: with --codes-over {Codes.UART.value}")
    clock_hz = round(args.mhz * 1e6)
    if clock_hz not in CLOCKS_HZ:
        span = f"{CLOCKS_HZ[0] / 1e6:g} to {CLOCKS_HZ[-1] / 1e6:g}"
        raise UsageError(f"--mhz is {args.mhz:g}; allowed with --bus {ROM}: {span}")
    return rom_config(
        engine,
        program,
        source=Source(given.pop("program_in", Source.RAM)),
        codes=Codes(given.pop("codes_over", Codes.STREAM)),
        clock_hz=clock_hz,
        **given,
    )


def rom_command(config: RomConfig) -> str:
    """The command that makes engine and top again."""
    options = f"--bus {ROM} --program-in {config.source.value} --codes-over {config.codes.value}"
    if config.codes is Codes.UART:
        options += f" --baud {config.baud} --mhz {exact(config.clock_hz / 1e6)}"
    return engine_subject(config.engine).command.replace(" --out ", f" {options} --out ")


def rom_line(config: RomConfig) -> str:
    """What the top is, for people."""
    where = TITLES[config.source]
    if config.source is Source.FLASH:
        where += f" from byte {config.flash_address:#x} on"
    codes = f"a UART of {config.baud} bits/s at {config.clock_hz / 1e6:g} MHz"
    codes = codes if config.codes is Codes.UART else "streams"
    return f"{config.name}.v: the engine with its program in {where}; inputs and outputs over {codes}"


def rom_config(engine: EngineConfig, program: bytes, **values: Any) -> RomConfig:
    """The top that runs a program.  Raises :class:`UsageError`."""
    try:
        return RomConfig(engine=engine, program=tuple(to_words(engine, program)), **values)
    except ValueError as error:
        raise UsageError(option_wording(str(error))) from error


def rom_files(config: RomConfig, network: Network) -> dict[str, bytes]:
    """The top's Verilog; with a UART, also the driver of the network.  Raises :class:`CheckError` if Yosys fails."""
    made = {f"{config.name}.v": rom_text(config, rom_command(config)).encode()}
    if config.codes is Codes.UART:
        made |= serial_driver_files(interface_of(config.engine, network, config.program_bytes))
    return made


def rom_text(config: RomConfig, command: str) -> str:
    """The top's Verilog; `command` makes it again.  Raises :class:`CheckError` if Yosys fails."""
    # Amaranth takes most of the start-up time, which errors need not wait for.
    from hw.bus.verilog import rom_ports, rom_verilog

    ports = rom_ports(config)
    engine = engine_subject(config.engine)
    names = [port["name"] for port in ports]
    subject = Subject(
        name=config.name,
        title=f"An engine that runs its program from {TITLES[config.source]}, for ever: inputs in, outputs out.",
        command=command,
        order=names,
        meanings={name: meaning for name, meaning in MEANINGS.items() if name in names},
        waivers=engine.waivers,
        beside=f"has the checksum of {verilog_name(config.engine)}, the engine that it instantiates",
        rules=f"Made for a clock of {config.clock_hz / 1e6:g} MHz.",
    )
    return headed(lambda: rom_verilog(config, PROGRAM_HEX), subject, ports)
