"""Programs through an engine's Verilog, in Icarus Verilog, and what came out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hw.engine.config import EngineConfig
from rtl_gen import tools

BENCH = Path(__file__).with_name("bench.v")


@dataclass
class Run:
    """What a run did: cycles counted from the first one without reset.

    `starts`: of each job; `outputs`: (codes, last) of each bus word; `ends`: (cycle, error) of each program; `writes`:
    (address, code of each lane that was written); `stopped`: beats that the array did not take at once.
    """

    starts: list[int] = field(default_factory=list)
    outputs: list[tuple[int, int]] = field(default_factory=list)
    ends: list[tuple[int, int]] = field(default_factory=list)
    writes: list[tuple[int, dict[int, int]]] = field(default_factory=list)
    stopped: int = 0


def run(
    config: EngineConfig, verilog: str, folder: Path, program: Sequence[int], inputs: Sequence[int], **bench: int
) -> Run:
    """Run `program` with `inputs`, words both, on the engine.

    `bench`: `stalls`, pauses in so many of 100 cycles, by `seed`; `reset`: the cycle in which all starts over; `limit`:
    cycles after which the run is given up.

    Raises :class:`CheckError` if the simulator fails, ``ValueError`` if the run does not end.
    """
    (folder / "engine.v").write_text(verilog)
    for name, words in (("program", program), ("inputs", inputs)):
        (folder / f"{name}.hex").write_text("\n".join(f"{word:x}" for word in words))
    values = {"BUS": config.bus_bits, "PROGRAM": len(program), "INPUTS": len(inputs)}
    values |= {name.upper(): value for name, value in bench.items()}
    options = [part for name, value in values.items() for part in ("-P", f"bench.{name}={value}")]
    sources = [str(BENCH), "engine.v"]
    tools.run([tools.find("iverilog"), "-g2005", "-o", "bench", "-s", "bench", *options, *sources], folder=folder)
    result = Run()
    for line in tools.run([tools.find("vvp"), "bench"], folder=folder).splitlines():
        _read(config, result, line.split())
    return result


def _read(config: EngineConfig, result: Run, words: list[str]) -> None:
    if words[0] == "late":
        raise ValueError("the run does not end")
    if words[0] == "reset":
        # What was before does not count.
        for part in (result.starts, result.outputs, result.ends, result.writes):
            part.clear()
    elif words[0] == "start":
        result.starts.append(int(words[1]))
    elif words[0] == "done":
        result.ends.append((int(words[1]), int(words[3])))
    elif words[0] == "stopped":
        result.stopped += 1
    elif words[0] == "out":
        value = int(words[2], 16)
        result.outputs.append((value & ((1 << config.bus_bits) - 1), value >> config.bus_bits))
    elif words[0] == "write":
        address, lanes, data = (int(word, 16) for word in words[2:])
        word = {lane: data >> lane * config.code_bits for lane in range(config.array.lanes) if lanes >> lane & 1}
        # The memory keeps codes with their top bits inverted.
        mask, top = (1 << config.code_bits) - 1, 1 << (config.code_bits - 1)
        result.writes.append((address, {lane: code & mask ^ top for lane, code in word.items()}))
