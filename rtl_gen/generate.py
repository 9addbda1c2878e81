"""`generate`: the Verilog of an array, and its manifest."""

import argparse
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from hw.config import NAME_RULE, ArrayConfig
from rtl_gen import tools
from rtl_gen.errors import UsageError
from rtl_gen.header import array_subject, headed
from rtl_gen.manifest import MANIFEST, Build, config_of, derived_of, make_manifest, verilog_name, write_build
from rtl_gen.options import FOLDER, add_format_options, add_parameter, check_folder, format_values, path, written
from rtl_gen.presets import add_preset_options, chosen
from rtl_gen.report import Report, progress
from sw_ref.format import parameters_of
from sw_ref.messages import counted

SUMMARY = "write the Verilog of an array and its manifest (the default command)"
EXAMPLE = "stlq --pe 8 --bits 3 --out build/"


# Parameters whose default depends on other options.
DECIDED_BY = {"lanes": "the value of --pe", "pipeline": "by --optimize", "choices": "by --for"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    array = parser.add_argument_group("array")
    for name, rule in parameters_of(ArrayConfig).items():
        default = next(f.default for f in fields(ArrayConfig) if f.name == name)
        add_parameter(array, name, rule, None if name in DECIDED_BY else default, DECIDED_BY.get(name, default))
    array.add_argument(
        "--name", default=ArrayConfig.name, help=f"name of the top module: {NAME_RULE} (default: {ArrayConfig.name})"
    )
    add_preset_options(parser)
    add_format_options(parser)
    parser.add_argument(
        "--out",
        required=True,
        metavar="FOLDER",
        type=path,
        help=f"folder for NAME.v and {MANIFEST}; made if missing",
    )


def run(args: argparse.Namespace) -> Report:
    values = {name: getattr(args, name) for name in (*parameters_of(ArrayConfig), "name")}
    values["lanes"] = values["pe"] if values["lanes"] is None else values["lanes"]
    values |= chosen(args)
    try:
        config = config_of({**values, **format_values(args)})
    except ValueError as error:
        raise UsageError(option_wording(str(error))) from error
    check_folder("--out", args.out)
    build = generate(config, args.out)
    data: dict[str, Any] = {"out": str(args.out), "config": config.to_dict(), "derived": derived_of(config)}
    fmt = config.format
    sign = "signed" if fmt.act_signed else "unsigned"
    pixels = f", {config.pixels} pixels" if config.pixels > 1 else ""
    lines = [
        f"{build.verilog}: {counted(config.pe, 'PE')} x {counted(config.lanes, 'lane')}{pixels}, {fmt.bits}-bit words, "
        f"{sign} {fmt.act_bits}-bit activations, residual shift {fmt.residual_shift}",
        f"{counted(config.macs_per_cycle, 'multiply-accumulate')} per cycle, {config.acc_bits}-bit sums "
        f"of up to {counted(config.depth, 'input')}, latency {counted(config.latency_cycles, 'cycle')}",
    ]
    return Report(data, [*lines])


def option_wording(message: str) -> str:
    """A parameter's error with the parameter written as the option that the user typed.

    >>> option_wording("act_bits is 1; allowed: a whole number from 2 to 16")
    '--act-bits is 1; allowed: a whole number from 2 to 16'
    """
    return re.sub(r"^(\w+) is ", lambda m: f"--{m[1].replace('_', '-')} is ", message)


def generate(config: ArrayConfig, folder: Path) -> Build:
    """Write the Verilog and the manifest of `config` into `folder`: a build is whole, the old one or the new one.

    Raises :class:`UsageError` if the folder cannot be made or written, :class:`CheckError` if Yosys fails.
    """
    # Amaranth takes most of the start-up time, which other commands and errors need not wait for.
    from hw.ports import array_ports
    from hw.verilog import array_verilog

    tools.provide_cache()
    with progress(f"generating a {config.size}"):
        ports = array_ports(config)
        verilog = headed(lambda: array_verilog(config), array_subject(config), ports)
    name = verilog_name(config)
    files = {name: verilog.encode()}
    manifest = make_manifest(config.to_dict(), derived_of(config), ports, files)
    with written("--out", folder, FOLDER):
        write_build(folder, files, manifest)
    return Build(folder, config, verilog, name)
