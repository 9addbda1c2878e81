"""`compile`: a network in integers to an engine and the program that runs the network on it."""

import argparse
from dataclasses import fields, replace
from math import gcd
from pathlib import Path
from typing import Any

from hw.config import NAME_RULE, ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen import tools
from rtl_gen.bus_build import BUSES, STREAM, bus_config, bus_files, bus_lines
from rtl_gen.compiler.layers import WINDOW_FORM, Layer, layers_of
from rtl_gen.compiler.lower import Compiled, check_fit, compile_network, sizes_for
from rtl_gen.compiler.picture import draw_program, peak_of
from rtl_gen.compiler.program import encode, to_bytes
from rtl_gen.cores.bench import TOP
from rtl_gen.cores.files import core_files
from rtl_gen.engine_bench import INSTANCES
from rtl_gen.engine_build import (
    NETWORK,
    PROGRAM,
    PROGRAM_HEX,
    EngineBuild,
    engine_derived,
    engine_parameters,
    engine_ports,
    load_engine,
    save_engine,
)
from rtl_gen.engine_simulator import hex_lines
from rtl_gen.errors import UsageError
from rtl_gen.frontend.picture import check_picture
from rtl_gen.generate import option_wording
from rtl_gen.header import engine_subject, headed
from rtl_gen.manifest import MANIFEST, verilog_name
from rtl_gen.options import FOLDER, add_parameter, check_folder, number, path, written
from rtl_gen.presets import PRESETS, add_preset_options, chosen
from rtl_gen.report import Report, Table, progress
from rtl_gen.rom_build import add_rom_options, rom_files, rom_line, rom_of
from sw_ref.files import write_atomically
from sw_ref.format import parameters_of
from sw_ref.messages import counted
from sw_ref.network import Network, NetworkError, load_network

SUMMARY = "write the engine for a network in integers, and the program that runs it"
EXAMPLE = "stlq compile net.safetensors --out build/"
SIZES = {"memory_words": 1 << 20, "group_beats": 1 << 14}
"""Memories that become as large as the network needs, each with its largest size."""

HIGHEST_MHZ = 100_000
COLUMNS = ("layer", "shape", "jobs", "beats", "cycles", "utilisation", "bound by", "memory words")
NO_WINDOW = (
    "note: --depthwise serves no layer of this network: none is faster with the window; "
    "an engine without it takes fewer LUTs"
)

DECIDED_BY = {
    "pe": "that of the network's tiles",
    "lanes": "the value of --pe",
    "pipeline": "by --optimize",
    "choices": "by --for",
    "requant_lanes": "4, or what divides pe",
    **dict.fromkeys(SIZES, "as large as the network needs"),
}
IN_ENGINES = {"lanes": "an engine takes the value of --pe alone", "pixels": "an engine takes 1 alone"}
"""What an engine takes of an array's parameters, where that is less."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NETWORK", type=path, help="network in integers (.safetensors)")
    array = parser.add_argument_group("array (the number format is the network's)")
    engine = parser.add_argument_group("engine")
    for group, cls in ((array, ArrayConfig), (engine, EngineConfig)):
        for name, rule in parameters_of(cls).items():
            default = next(f.default for f in fields(cls) if f.name == name)
            if rule.values is None:
                group.add_argument(f"--{name}", action="store_true", default=None, help=f"{rule.help} (default: none)")
                continue
            if name in IN_ENGINES:
                rule = replace(rule, help=f"{rule.help}; {IN_ENGINES[name]}")
            add_parameter(group, name, rule, None, DECIDED_BY.get(name, default))
    engine.add_argument("--name", help=f"name of the top module: {NAME_RULE} (default: {EngineConfig.name})")
    engine.add_argument(
        "--engine", metavar="BUILD", type=path, help="use the engine of another build unchanged (default: a new one)"
    )
    add_preset_options(parser)
    parser.add_argument(
        "--bus",
        choices=BUSES,
        default=STREAM,
        help=f"interface of the engine: its streams, or a bus (default: {STREAM})",
    )
    add_rom_options(parser)
    parser.add_argument(
        "--picture", metavar="FILE", type=path, help="timeline and memory over time, .png or .svg (default: none)"
    )
    parser.add_argument(
        "--mhz",
        type=number,
        default=100.0,
        metavar="MHZ",
        help="clock for the times in the table; above 0 MHz (default: 100)",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="FOLDER",
        type=path,
        help=f"folder for the Verilog, {PROGRAM}, {PROGRAM_HEX}, the network and {MANIFEST}; made if missing",
    )


def run(args: argparse.Namespace) -> Report:
    if not 0 < args.mhz <= HIGHEST_MHZ:
        raise UsageError(f"--mhz is {args.mhz}; allowed: above 0, at most {HIGHEST_MHZ}")
    check_folder("--out", args.out)
    if args.picture is not None:
        check_picture(args.picture)
    network, data = read_network(args.network)
    reused = load_engine(args.engine) if args.engine else None
    with progress(f"compiling {args.network}"):
        config = _given(args, network) if reused is None else _reused(args, reused.config)
        compiled = compile_network(network, config)
        if reused is None:
            config = _sized(args, config, compiled)
        check_fit(compiled, config)
        bus = bus_config(config, args.bus)
        words = encode(config, compiled.jobs)
        program = to_bytes(config, words)
        rom = rom_of(args, config, program)
    with progress("generating the Verilog"):
        verilog = reused.contents[reused.name] if reused else engine_text(config).encode()
    layers = layers_of(network, compiled, config)
    with progress("executing the golden for the test bench"):
        cores = core_files(config, bus or rom, network, len(words), layers[-1].start + layers[-1].cycles)
    files = {
        verilog_name(config): verilog,
        PROGRAM: program,
        PROGRAM_HEX: hex_lines(config, words).encode(),
        NETWORK: data,
        **(bus_files(bus, network, len(program)) if bus else {}),
        **(rom_files(rom, network) if rom else {}),
        **cores,
    }
    with written("--out", args.out, FOLDER):
        save_engine(EngineBuild(folder=args.out, config=config, contents=files))
    if args.picture is not None:
        with written("--picture", args.picture):
            write_atomically(args.picture, draw_program(args.picture, layers, compiled, config))
    report = _report(args, config, layers, compiled, len(program))
    lines = bus_lines(bus, compiled.jobs) if bus else [rom_line(rom)] if rom else []
    return Report(report.data, [*report.parts, *lines])


def read_network(file: Path) -> tuple[Network, bytes]:
    """A network and its file's bytes.  Raises :class:`UsageError`."""
    try:
        return load_network(file), file.read_bytes()
    except NetworkError as error:
        what = "is a float network; allowed: what `stlq convert` makes of it" if file.suffix == ".onnx" else error
        raise UsageError(f"network {file}: {what}") from error
    except OSError as error:
        raise UsageError(f"network is {file}: {error.strerror or error}; allowed: a file that can be read") from error


def engine_text(config: EngineConfig) -> str:
    """The engine's Verilog, with its header.  Raises :class:`CheckError` if Yosys fails."""
    # Amaranth takes most of the start-up time, which errors need not wait for.
    from hw.engine.verilog import engine_verilog

    tools.provide_cache()
    return headed(lambda: engine_verilog(config), engine_subject(config), engine_ports(config))


def _given(args: argparse.Namespace, network: Network) -> EngineConfig:
    """The engine that the options describe; what is to be as large as needed is as large as it gets."""
    given = {name: getattr(args, name) for name in (*parameters_of(ArrayConfig), *engine_parameters())}
    given = {name: value for name, value in {**given, **chosen(args)}.items() if value is not None}
    pe = given.get("pe", given.get("lanes", network.tile[0]))
    if not given.keys() & {"pe", "lanes"} and network.tile[0] != network.tile[1]:
        tile = "x".join(map(str, network.tile))
        raise UsageError(f"the network's tile is {tile}; allowed without --pe: as many PEs as lanes, as in 8x8")
    values = {"pe": pe, "lanes": given.get("pe", network.tile[1]), **SIZES, **given}
    values.setdefault("requant_lanes", gcd(EngineConfig.requant_lanes, values["pe"]))
    try:
        array = {name: values.pop(name) for name in parameters_of(ArrayConfig) if name in values}
        for taken, by in ({TOP}, "the build's test bench"), (INSTANCES, "a part of the engine"):
            if args.name in taken:
                raise ValueError(f"name is {args.name!r}, as {by} is; allowed: another one")
        name = {} if args.name is None else {"name": args.name}
        return EngineConfig(array=ArrayConfig(format=network.format, **array), **values, **name)
    except ValueError as error:
        raise UsageError(option_wording(str(error))) from error


def _reused(args: argparse.Namespace, config: EngineConfig) -> EngineConfig:
    """Another build's engine.  Raises :class:`UsageError` for an option that would change it."""
    for name in (*parameters_of(ArrayConfig), *engine_parameters(), "name", *PRESETS):
        if getattr(args, name) is not None:
            option = name.removeprefix("array_").replace("_", "-")
            raise UsageError(f"--{option} is given with --engine; allowed: one of them")
    return config


def _sized(args: argparse.Namespace, config: EngineConfig, compiled: Compiled) -> EngineConfig:
    """Memories as large as the network needs, where no option says otherwise."""
    needed = sizes_for(compiled)
    return replace(config, **{name: value for name, value in needed.items() if getattr(args, name) is None})


def _report(
    args: argparse.Namespace, config: EngineConfig, layers: list[Layer], compiled: Compiled, size: int
) -> Report:
    macs, cycles = config.array.macs_per_cycle, sum(layer.cycles for layer in layers) + layers[0].start
    rate, peak = args.mhz * 1e6 / cycles, peak_of(compiled)
    useful = sum(layer.macs for layer in layers) / (cycles * macs)
    data: dict[str, Any] = {
        "out": str(args.out),
        "bus": args.bus,
        "config": config.to_dict(),
        "derived": engine_derived(config),
        "layers": [_layer_data(layer, macs) for layer in layers],
        "cycles": cycles,
        "beats": sum(layer.beats for layer in layers),
        "utilisation": useful,
        "program_bytes": size,
        "memory_words": compiled.memory_words,
        "memory_peak": peak,
        "group_beats": compiled.group_beats,
        "mhz": args.mhz,
        "inferences_per_second": rate,
    }
    columns: tuple[str, ...] = COLUMNS
    rows = [_row(layer, macs) for layer in layers]
    forms = {layer.form for layer in layers} if config.depthwise else set()
    if any(forms):
        columns = (*columns, "depthwise")
        rows = [[*row, layer.form] for row, layer in zip(rows, layers, strict=True)]
    lanes = counted(config.requant_lanes, "requantizer lane")
    title = f"{config.name}.v: {config.array.size}, {lanes}, {config.bus_bits}-bit bus"
    beats = counted(compiled.group_beats, "beat")
    memory = f"{config.memory_words:,} words of activation memory ({engine_derived(config)['memory_bytes']:,} bytes)"
    parts: list[str | Table] = [
        Table(title, columns, rows),
        f"{cycles:,} cycles, {layers[0].start} of them before the first layer; "
        f"{rate:,.1f} inferences per second at {args.mhz:g} MHz",
        f"{useful:.1%} of the array's multiplications useful",
        f"activation memory: at most {counted(peak['words'], 'word')} at once, in {peak['layer']}",
        f"program: {size:,} bytes; {memory}; groups of up to {beats}",
        *([NO_WINDOW] if config.depthwise and WINDOW_FORM not in forms else []),
    ]
    return Report(data, parts)


def _layer_data(layer: Layer, macs: int) -> dict[str, Any]:
    values = {f.name: getattr(layer, f.name) for f in fields(Layer)}
    return {**values, "bound_by": layer.bound, "utilisation": layer.utilisation(macs)}


def _row(layer: Layer, macs: int) -> list[str]:
    shape = "x".join(map(str, layer.shape)) if layer.shape else ""
    useful = f"{layer.utilisation(macs):.1%}" if layer.macs else ""
    figures = [f"{value:,}" for value in (layer.jobs, layer.beats, layer.cycles)]
    return [layer.name, shape, *figures, useful, layer.bound, f"{layer.memory:,}"]
