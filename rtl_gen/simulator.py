"""Running quantized tensors through the Verilog of a build, in Icarus Verilog or Verilator."""

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hw.config import ArrayConfig
from rtl_gen import payloads, testbench, tools
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.manifest import Build
from rtl_gen.options import written
from rtl_gen.testbench import Amounts, Stalls
from sw_ref.files import write_atomically
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.stream import act_beats, tile_stream, vector_sums

SIMULATORS = ("icarus", "verilator")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a run: `sums` int64 (vectors, O); `cycles` from the first `tiles` transfer to the last sum."""

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
) -> Outcome:
    """Stream `tensor` through the build's Verilog, once for each activation vector, or for as many as it has pixels.

    `acts`: integers in the format's range, shape (vectors, I, *kernel).
    Raises :class:`UsageError` if tensor and build do not fit, :class:`CheckError` if the simulator is missing or fails,
    or if the number of sums is wrong.
    """
    check_fit(build.config, tensor)
    room = Amounts.of(tensor, len(acts), build.config.pixels)
    with simulation(build, room, sim=sim, stalls=stalls, waves=waves is not None) as run:
        return run(tensor, acts, waves=waves)


def check_fit(config: ArrayConfig, tensor: StlqTensor, name: str = "the tensor") -> None:
    """Raises :class:`UsageError` if the array cannot run the tensor: another format or tile, or too long sums."""
    if (tensor.format, tuple(tensor.tile)) != (config.format, config.tile):
        raise UsageError(
            f"model is for {describe(tensor.format, tensor.tile)}; the build is {describe(config.format, config.tile)}"
        )
    inputs = math.prod(tensor.shape[1:])
    if inputs > config.depth:
        raise UsageError(f"{name} adds up {inputs} inputs; allowed by the build: at most its depth, {config.depth}")


def describe(fmt: StlqFormat, tile: tuple[int, int]) -> str:
    """A format and a tile in words."""
    sign = "signed" if fmt.act_signed else "unsigned"
    number = f"bits {fmt.bits}, act-bits {fmt.act_bits} {sign}, residual-shift {fmt.residual_shift}"
    return f"{number}, tile {tile[0]}x{tile[1]}"


@contextmanager
def simulation(
    build: Build,
    room: Amounts,
    *,
    sim: str = "icarus",
    stalls: Stalls | None = None,
    waves: bool = False,
    timeout: float = tools.TIMEOUT,
) -> Iterator["Simulation"]:
    """The build's Verilog compiled, ready to run tensors of up to `room`; gone, with its folder, at the end.

    `timeout`: seconds that a run may take.

    Raises :class:`CheckError` if the simulator is missing or fails.
    """
    stalls = stalls or Stalls()
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        (folder / build.name).write_text(build.text)
        (folder / testbench.bench_name(build.config)).write_text(testbench.testbench(build.config, room, stalls))
        files = [testbench.bench_name(build.config), build.name]
        command = compile_bench(sim, folder, testbench.top_of(build.config), files, waves=waves)
        yield Simulation(folder=folder, build=build, stalls=stalls, command=command, timeout=timeout)


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A compiled test bench; made by :func:`simulation`."""

    folder: Path
    build: Build
    stalls: Stalls
    command: list[str]
    timeout: float

    def __call__(
        self, tensor: StlqTensor, acts: NDArray[np.integer], *, waves: Path | None = None, keep: Path | None = None
    ) -> Outcome:
        """One run, as :func:`simulate_tensor` describes it."""
        stream, config, pixels = tile_stream(tensor), self.build.config, self.build.config.pixels
        amounts = Amounts.of(tensor, len(acts), pixels)
        (self.folder / testbench.TILES).write_text(payloads.tiles_hex(config, stream))
        (self.folder / testbench.ACTS).write_text(payloads.acts_hex(config, act_beats(tensor, acts, pixels)))
        said = tools.run([*self.command, *amounts.plusargs], folder=self.folder, timeout=self.timeout)
        if waves:
            _write(waves, (self.folder / testbench.WAVES).read_bytes(), "--waves")
        if keep:
            self._keep(keep, amounts)
        try:
            sums = payloads.read_sums((self.folder / testbench.SUMS).read_text(), config)
        except ValueError as error:
            raise CheckError(str(error)) from error
        if len(sums) != amounts.sums_beats:
            raise CheckError(f"the Verilog gave {len(sums)} sums beats; {amounts.sums_beats} are right")
        cycles = next(int(line.split()[1]) for line in said.splitlines() if line.startswith("cycles "))
        sums = vector_sums(tensor, sums, len(acts), pixels)
        return Outcome(sums=sums, cycles=cycles, beats=amounts.tiles_beats * amounts.passes)

    def _keep(self, target: Path, amounts: Amounts) -> None:
        for name in (self.build.name, testbench.TILES, testbench.ACTS, testbench.SUMS):
            _write(target / name, (self.folder / name).read_bytes(), "--keep")
        # This tensor's bench: it needs no arguments.
        config = self.build.config
        bench = testbench.testbench(config, amounts, self.stalls)
        _write(target / testbench.bench_name(config), bench.encode(), "--keep")


def compile_bench(
    sim: str,
    folder: Path,
    top: str,
    files: Sequence[str],
    *,
    waves: bool = False,
    parameters: Mapping[str, int] = MappingProxyType({}),
) -> list[str]:
    """Compile a bench, with a simulator of :data:`SIMULATORS`; returns the command that runs it in `folder`.

    `parameters`: those of the module `top`.

    Raises :class:`CheckError` if the simulator is missing or fails.
    """
    if sim == "icarus":
        compiler, runtime = tools.find("iverilog"), tools.find("vvp")
        values = [f"-P{top}.{name}={value}" for name, value in parameters.items()]
        tools.run([compiler, "-g2005", "-s", top, *values, "-o", "bench.vvp", *files], folder=folder)
        command = [runtime, "-n", "bench.vvp"]
    else:
        program, env = tools.verilator_command()
        options = ["--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-O3", "-j", "2", *(["--trace"] if waves else [])]
        options += ["--top-module", top, "--Mdir", "obj", "-CFLAGS", "-std=c++20 -fcoroutines"]
        options += [f"-G{name}={value}" for name, value in parameters.items()]
        tools.run([program, *options, *files], folder=folder, env=env)
        command = [str(folder / "obj" / f"V{top}")]
    return [*command, *(["+waves"] if waves else [])]


def _write(path: Path, data: bytes, option: str) -> None:
    with written(option, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
