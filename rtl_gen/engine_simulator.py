"""Running networks through the Verilog of an engine, in Icarus Verilog or Verilator."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from rtl_gen import engine_bench, tools
from rtl_gen.compiler.program import to_words
from rtl_gen.engine_bench import BenchSizes
from rtl_gen.engine_build import EngineBuild
from rtl_gen.errors import CheckError
from rtl_gen.simulator import compile_bench
from rtl_gen.testbench import WAVES, Stalls, top_of


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineRun:
    """The record of a simulation, with cycles counted from the first one without reset.

    `begins`: of each inference, its first program word; `ends`: when `busy` fell; `starts`: of all jobs.
    `addresses` (n,), `masks` and `words` (n, lanes): what was written to the activation memory.  `outputs`:
    codes in bus words (n, codes), `lasts` (n,).  `stopped`: beats that the array did not take at once.
    """

    begins: list[int]
    ends: list[int]
    starts: list[int]
    addresses: NDArray[np.int64]
    masks: NDArray[np.int64]
    words: NDArray[np.int64]
    outputs: NDArray[np.int64]
    lasts: NDArray[np.int64]
    stopped: int


@contextmanager
def engine_simulation(
    build: EngineBuild, room: BenchSizes, *, sim: str, waves: bool = False
) -> Iterator["EngineSimulation"]:
    """The build's Verilog compiled, ready to run programs of up to `room`; gone, with its folder, at the end.

    Raises :class:`CheckError` if the simulator is missing or fails.
    """
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder, top = Path(temporary), top_of(build.config)
        (folder / build.name).write_text(build.text)
        (folder / f"{top}.v").write_text(engine_bench.engine_bench(build.config, room))
        command = compile_bench(sim, folder, top, [f"{top}.v", build.name], waves=waves)
        yield EngineSimulation(folder=folder, config=build.config, command=command)


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineSimulation:
    """A compiled bench; made by :func:`engine_simulation`."""

    folder: Path
    config: EngineConfig
    command: list[str]

    def __call__(
        self, program: Sequence[int], images: Sequence[Mapping[str, NDArray[Any]]], stalls: Stalls
    ) -> EngineRun:
        """Run a program's bus words for each image: the codes of its inputs in the network's order.

        Raises :class:`CheckError` if not every inference ends well.
        """
        said = [line.split() for line in self._run(program, images, stalls).splitlines()]
        found = {name: [line for line in said if line[:1] == [name]] for name in ("begin", "start", "done", "stopped")}
        if len(found["done"]) != len(images):
            raise CheckError(f"the Verilog ended {len(found['done'])} of {len(images)} inferences")
        for line in found["done"]:
            if line[2] != "0":
                raise CheckError(f"the engine refused its program: error {line[2]}")
        return self._read({name: [int(line[1]) for line in lines] for name, lines in found.items()})

    def waves(self, program: Sequence[int], image: Mapping[str, NDArray[Any]], stalls: Stalls, jobs: range) -> bytes:
        """The VCD of some neighbouring jobs, of one image."""
        self._run(program, [image], stalls, f"+waves_first={jobs[0]}", f"+waves_last={jobs[-1]}")
        return (self.folder / WAVES).read_bytes()

    def _run(
        self, program: Sequence[int], images: Sequence[Mapping[str, NDArray[Any]]], stalls: Stalls, *more: str
    ) -> str:
        config = self.config
        words = [word for image in images for codes in image.values() for word in bus_words(config, codes)]
        for name, content in ((engine_bench.PROGRAM, program), (engine_bench.INPUTS, words)):
            (self.folder / name).write_text(hex_lines(config, content))
        sizes = BenchSizes(program_words=len(program), inputs_words=len(words))
        arguments = engine_bench.plusargs(config, sizes, stalls, len(images))
        return tools.run([*self.command, *arguments, *more], folder=self.folder)

    def _read(self, times: dict[str, list[int]]) -> EngineRun:
        config = self.config
        lanes, size = config.array.lanes, config.code_bits
        text = (self.folder / engine_bench.WRITES).read_bytes()
        addresses, masks, words = _fields(text, (config.address_bits, lanes, lanes * size))
        text = (self.folder / engine_bench.OUTPUTS).read_bytes()
        (codes,) = _fields(text, (config.bus_bits + 1,))
        return EngineRun(
            begins=times["begin"],
            ends=times["done"],
            starts=times["start"],
            addresses=_numbers(addresses, config.address_bits, 1)[:, 0],
            masks=_numbers(masks, 1, lanes),
            words=_codes(_numbers(words, size, lanes), size),
            outputs=_numbers(codes, config.transfer_bits, config.codes_per_transfer),
            lasts=_numbers(codes, 1, config.bus_bits + 1)[:, -1],
            stopped=len(times["stopped"]),
        )


def hex_lines(config: EngineConfig, words: Sequence[int]) -> str:
    """Bus words as `$readmemh` reads them."""
    return "".join(f"{word:0{config.bus_bits // 4}x}\n" for word in words)


def bus_words(config: EngineConfig, codes: NDArray[Any]) -> list[int]:
    """Codes as bus words, in the order of the tensor's file; the last one is filled up with 0."""
    kind = "<u1" if config.transfer_bits == 8 else "<u2"
    data = codes.astype(kind).tobytes()
    return to_words(config, data + bytes(-len(data) % (config.bus_bits // 8)))


def _fields(text: bytes, widths: Sequence[int]) -> list[NDArray[np.uint8]]:
    """The hexadecimal digits of each column."""
    digits = [-(-width // 4) for width in widths]
    length = sum(digits) + len(digits)
    lines = np.frombuffer(text, np.uint8)
    if len(lines) % length:
        raise CheckError("the Verilog wrote a line of another length than the others")
    lines = lines.reshape(-1, length)
    starts = np.cumsum([0, *(count + 1 for count in digits[:-1])])
    return [lines[:, start : start + count] for start, count in zip(starts, digits, strict=True)]


def _codes(kept: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Codes, of those that the memory keeps, which are inverted in their top bits; -1 stays."""
    return np.where(kept < 0, kept, kept ^ 1 << (bits - 1))


def _numbers(digits: NDArray[np.uint8], size: int, count: int) -> NDArray[np.int64]:
    """(n, count) of `size` bits each, the lowest ones first, of hexadecimal digits; -1 where a bit is unknown (x)."""
    known = np.isin(digits, np.frombuffer(b"0123456789abcdef", np.uint8))
    values = np.where(digits >= ord("a"), digits - ord("a") + 10, digits - ord("0"))
    bits, sure = ((part[:, ::-1, None] >> np.arange(4)) & 1 for part in (np.where(known, values, 0), known * 15))
    fields = (part.reshape(len(digits), -1)[:, : size * count].reshape(-1, count, size) for part in (bits, sure))
    numbers, sure = (part.astype(np.int64) @ (np.int64(1) << np.arange(size)) for part in fields)
    return np.where(sure == (1 << size) - 1, numbers, -1)
