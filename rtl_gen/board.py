"""`board`: a bitstream for a board, with open tools."""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from hw.bus.rom_config import RomConfig, Source
from rtl_gen import tools
from rtl_gen.boards import BOARDS, Board
from rtl_gen.bus_build import serial_driver_files
from rtl_gen.compile import read_network
from rtl_gen.design import check_results, save_file, save_result
from rtl_gen.driver.interface import interface_of
from rtl_gen.engine_build import DRIVER, NETWORK, PROGRAM, PROGRAM_HEX, EngineBuild, load_engine
from rtl_gen.errors import CheckError, FitError, TimeLimitError
from rtl_gen.nextpnr import check_fit, check_placed
from rtl_gen.options import add_seed, path
from rtl_gen.pnr import results
from rtl_gen.report import Report, Table, progress
from rtl_gen.rom_build import add_baud, rom_config, rom_text
from rtl_gen.smaller import smaller
from rtl_gen.targets import TARGETS
from sw_ref.files import digest_of

SUMMARY = "make a bitstream for a board: the engine with its program, inputs and outputs over a UART"
EXAMPLE = "stlq board build/ --board icebreaker"
DESIGN = "board"  # how the tools' files are named
LOGS = (f"{DESIGN}.rpt", f"{DESIGN}.tim")
LONGEST = 3600  # seconds; a router may try the same two connections for ever


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "build", metavar="BUILD", type=path, help="folder that compile wrote; gets board-BOARD.json and the bitstream"
    )
    parser.add_argument("--board", required=True, choices=BOARDS, help="board")
    add_baud(parser, RomConfig.baud)
    add_seed(parser, "the placer")


def run(args: argparse.Namespace) -> Report:
    build, board = load_engine(args.build), BOARDS[args.board]
    config = rom_config(
        build.config, build.contents[PROGRAM], source=board.source, clock_hz=board.clock_hz, baud=args.baud
    )
    network, _ = read_network(build.folder / NETWORK)
    driver = serial_driver_files(interface_of(build.config, network, config.program_bytes))
    file = build.folder / f"board-{board.name}.{board.bitstream}"
    check_results(file, file.with_suffix(".json"), *(build.folder / written for written in driver))
    with progress(f"making a bitstream for {board.title}"):
        result, bitstream = make_bitstream(build, board, config, args.seed)
    for written, data in {file.name: bitstream, **driver}.items():
        save_file(build.folder / written, data)
    return _report(board, build, file, save_result(build, f"board-{board.name}", result), result)


def make_bitstream(build: EngineBuild, board: Board, config: RomConfig, seed: int) -> tuple[dict[str, Any], bytes]:
    """What the tools found, as plain data, and the bitstream.

    Raises :class:`CheckError` if a tool is missing or fails, if the design does not fit, or misses the board's clock.
    """
    command = f"stlq board FOLDER --board {board.name} --baud {config.baud} --seed {seed}"
    files: dict[str, str | bytes] = {build.name: build.text, f"{config.name}.v": rom_text(config, command)}
    if config.source is Source.RAM:
        files[PROGRAM_HEX] = build.contents[PROGRAM_HEX]
    plan = plan_of(board, config, files, f" --seed {seed} --timing-allow-fail --report report.json")
    environment = dict(os.environ)
    for tool, program in board.tools.items():
        environment[tool.upper().replace("-", "_")] = tools.find(program)
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        plan.extract(folder)
        try:
            tools.run(["sh", f"{plan.script}.sh"], folder=folder, env=environment, log=LOGS[1], timeout=LONGEST)
            report = json.loads((folder / "report.json").read_text())
            bitstream = (folder / f"{DESIGN}.{board.bitstream}").read_bytes()
        except TimeLimitError as error:
            raise CheckError(f"no bitstream for {board.title}: {error}; another --seed than {seed} may do") from None
        except CheckError as error:
            _check_fit(error, folder / LOGS[1], build, board)
            raise CheckError(f"the engine failed on {board.title}: {error}") from None
        except (OSError, ValueError):
            raise CheckError(f"the tools for {board.title} stopped without a bitstream") from None
    found = results(report, {})
    if found["mhz"] < board.clock_hz / 1e6:
        raise CheckError(
            f"the engine misses the clock of {board.title}: it reaches {found['mhz']:g} MHz; "
            f"{board.clock_hz / 1e6:g} MHz are right"
        )
    return _result(build, board, config, seed, found, bitstream), bitstream


def _check_fit(error: CheckError, log: Path, build: EngineBuild, board: Board) -> None:
    """Raise :class:`FitError` if a tool failed because the board's FPGA is too small, by its `log` if there is one."""
    try:
        check_fit(log.read_text(errors="replace") if log.is_file() else "", board.title, build.kind)
        check_placed(error, board.title, build.kind)
    except FitError as found:
        larger = [f"--board {name}" for name, other in BOARDS.items() if other.luts > board.luts]
        raise FitError(f"{found}; {smaller(build, TARGETS[board.target], board.device, larger)}") from None


def plan_of(board: Board, config: RomConfig, files: Mapping[str, str | bytes], placing: str = "") -> Any:
    """Amaranth's plan of the tools' run for the board's top: its scripts, and `files` by name, the engine's among them.

    `placing`: more options of nextpnr.
    """
    # Amaranth takes most of the start-up time, which errors need not wait for.
    from hw.bus.board import BoardTop

    platform = board.make_platform()
    for name, content in files.items():
        platform.add_file(name, content)
    overrides = {**board.overrides, "nextpnr_opts": board.overrides["nextpnr_opts"] + placing}
    return platform.prepare(BoardTop(config), DESIGN, **overrides)


def _result(
    build: EngineBuild, board: Board, config: RomConfig, seed: int, found: dict[str, Any], bitstream: bytes
) -> dict[str, Any]:
    return {
        "schema": 1,
        "board": board.name,
        "clock_mhz": board.clock_hz / 1e6,
        "baud": config.baud,
        "seed": seed,
        "program": {"in": config.source.value, "bytes": config.program_bytes, "flash_address": config.flash_address},
        **found,
        "bitstream": {"bytes": len(bitstream), "sha256": digest_of(bitstream)},
        "config": build.config.to_dict(),
        "files": build.files,
        "tools": {name: metadata.version(name) for name in ("amaranth-boards", *packages(board))},
    }


def packages(board: Board) -> list[str]:
    """The packages of the tools: those that pack bitstreams are part of nextpnr's."""
    return [program for program in board.tools.values() if "pack" not in program]


def _report(board: Board, build: EngineBuild, file: Path, saved: Path, result: dict[str, Any]) -> Report:
    rows = [("clock", f"{result['mhz']:,.1f} MHz of {result['clock_mhz']:g} MHz")]
    rows += [(name, f"{use['used']:,} of {use['available']:,}") for name, use in result["utilisation"].items()]
    rows.append(("bitstream", f"{result['bitstream']['bytes']:,} bytes"))
    rows.append(("program", f"{result['program']['bytes']:,} bytes in {result['program']['in']}"))
    load = [line.format(bitstream=file, program=build.folder / PROGRAM) for line in board.load]
    lines = [f"to load it: {'; '.join(load)}", f"written to {file} and {saved}; its driver to {build.folder / DRIVER}"]
    return Report(result, [Table(f"{build.title}: {board.title}", ("resource", "design"), rows), *lines])
