"""Running a quantized tensor through the Verilog of a build, in Icarus Verilog or Verilator."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtl_gen import testbench, tools
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.manifest import VERILOG, Build
from rtl_gen.testbench import Stalls
from sw_ref.files import write_atomically
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.stream import act_stream, tile_stream

SIMULATORS = ("icarus", "verilator")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the Verilog did: `sums` int64 (vectors, O); `cycles` from the first `tiles` transfer to the last sum."""

    sums: NDArray[np.int64]
    cycles: int
    beats: int


def simulate_tensor(
    build: Build,
    tensor: StlqTensor,
    acts: NDArray[np.integer],
    *,
    sim: str = "icarus",
    stalls: Stalls | None = None,
    waves: Path | None = None,
    keep: Path | None = None,
) -> Outcome:
    """Stream `tensor` through the build's Verilog, once for each activation vector.

    `acts`: integers in the format's range, shape (vectors, I, *kernel).
    Raises :class:`UsageError` if tensor and build do not fit, :class:`CheckError` if the simulator is missing or fails,
    or if the number of sums is wrong.
    """
    config = build.config
    if (tensor.format, tuple(tensor.tile)) != (config.format, config.tile):
        raise UsageError(
            f"model is for {describe(tensor.format, tensor.tile)}; the build is {describe(config.format, config.tile)}"
        )
    stream = tile_stream(tensor)
    beats = act_stream(tensor, acts)
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        shutil.copyfile(build.verilog, folder / VERILOG)
        (folder / testbench.BENCH).write_text(testbench.testbench(config, stream, beats, stalls or Stalls()))
        (folder / testbench.TILES).write_text(testbench.tiles_hex(config, stream))
        (folder / testbench.ACTS).write_text(testbench.acts_hex(config, beats))
        said = (_icarus if sim == "icarus" else _verilator)(folder, waves=waves is not None)
        if waves:
            _write(waves, (folder / testbench.WAVES).read_bytes(), "--waves")
        if keep:
            _keep(folder, keep)
        try:
            sums = testbench.read_sums((folder / testbench.SUMS).read_text(), config)
        except ValueError as error:
            raise CheckError(str(error)) from error
    expected = int(stream.last.sum()) * len(acts)
    if len(sums) != expected:
        raise CheckError(f"the Verilog gave {len(sums)} sums beats; {expected} are right")
    cycles = next(int(line.split()[1]) for line in said.splitlines() if line.startswith("cycles "))
    sums = sums.reshape(len(acts), -1)[:, : tensor.shape[0]]
    return Outcome(sums=sums, cycles=cycles, beats=len(stream.words) * len(acts))


def describe(fmt: StlqFormat, tile: tuple[int, int]) -> str:
    """A format and a tile in words."""
    sign = "signed" if fmt.act_signed else "unsigned"
    number = f"bits {fmt.bits}, act-bits {fmt.act_bits} {sign}, residual-shift {fmt.residual_shift}"
    return f"{number}, tile {tile[0]}x{tile[1]}"


def _icarus(folder: Path, *, waves: bool) -> str:
    compiler, runtime = tools.find("iverilog"), tools.find("vvp")
    tools.run([compiler, "-g2005", "-o", "bench.vvp", testbench.BENCH, VERILOG], folder=folder)
    return tools.run([runtime, "-n", "bench.vvp", *(["+waves"] if waves else [])], folder=folder)


def _verilator(folder: Path, *, waves: bool) -> str:
    program, env = tools.verilator_command()
    options = [
        "--binary",
        "--timing",
        "-Wno-fatal",
        "-Wno-lint",
        "-O3",
        "--top-module",
        "testbench",
        "--Mdir",
        "obj",
        "-CFLAGS",
        "-std=c++20 -fcoroutines",
    ]
    traced = ["--trace"] if waves else []
    tools.run([program, *options, *traced, "-j", "2", testbench.BENCH, VERILOG], folder=folder, env=env)
    return tools.run([str(folder / "obj" / "Vtestbench"), *(["+waves"] if waves else [])], folder=folder)


def _keep(folder: Path, target: Path) -> None:
    for name in (VERILOG, testbench.BENCH, testbench.TILES, testbench.ACTS, testbench.SUMS):
        _write(target / name, (folder / name).read_bytes(), "--keep")


def _write(path: Path, data: bytes, option: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise UsageError(
            f"{option} is {path}: {error.strerror or error}; allowed: a path that can be written"
        ) from error
